import { ShortLivedMap } from '../short-lived-map.ts';
import { RequestQueue } from './kafkajs.ts';
import { patchMethod } from './patch-method.ts';

/** How soon a request that waits for a free in-flight slot is looked at again, in ms. As in kafkajs. */
const RECHECK_MS = 10;

/**
 * Patches the queue of one connection.
 *
 * 1. kafkajs 2.2.4 sets its throttle timer again after each response, also when no request waits, with the delay
 *    `throttledUntil - now`, which is negative then. Node warns (`TimeoutNegativeWarning`) and fires the timer after 1 ms, so
 *    each connection wakes the process a thousand times a second (kafkajs #1704, #1751). The patch sets the timer only while
 *    a request waits, and never with a negative delay.
 * 2. kafkajs keeps the requests in flight in a `Map`, which keeps their payloads reachable after the responses
 *    (`IndexedPool` explains how). The patch replaces the map while it is empty.
 */
export function patchRequestQueue(): void {
  patchMethod(
    RequestQueue.prototype,
    'scheduleCheckPendingRequests',
    () =>
      function scheduleWhileRequestsWait(this: RequestQueue): void {
        if (this.pending.length === 0 || this.throttleCheckTimeoutId !== null) return;
        const delay = this.throttledUntil - Date.now();
        this.throttleCheckTimeoutId = setTimeout(
          () => {
            this.throttleCheckTimeoutId = null;
            this.checkPendingRequests();
          },
          delay > 0 ? delay : RECHECK_MS,
        );
      },
  );
  patchMethod(
    RequestQueue.prototype,
    'scheduleRequestTimeoutCheck',
    (schedule) =>
      function scheduleWithShortLivedMap(this: RequestQueue): void {
        if (this.inflight.size === 0) this.inflight = new ShortLivedMap();
        schedule.call(this);
      },
  );
}
