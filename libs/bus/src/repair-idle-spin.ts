import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

/**
 * kafkajs 2.2.4 arms its throttle timer again after each answer, also when nothing waits, with a delay of
 * `throttledUntil - now`, which is hugely negative: Node warns (`TimeoutNegativeWarning`) and fires it after 1 ms, so that
 * every connection wakes the process a thousand times a second for ever (kafkajs #1704, #1751).
 *
 * This arms it only while a request waits, and never with a negative delay.
 */
export function repairIdleSpin(): void {
  if (typeof RequestQueue.prototype.scheduleCheckPendingRequests !== 'function') {
    throw new Error('kafkajs has changed: RequestQueue.scheduleCheckPendingRequests is missing');
  }
  RequestQueue.prototype.scheduleCheckPendingRequests = function scheduleWhileSomethingWaits(): void {
    if (this.pending.length === 0 || this.throttleCheckTimeoutId !== null) return;
    const delay = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      delay > 0 ? delay : RECHECK_MS,
    );
  };
}

/** As kafkajs: how soon a request that waits for a free place in flight is looked at again. */
const RECHECK_MS = 10;
