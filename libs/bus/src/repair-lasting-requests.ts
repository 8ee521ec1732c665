import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { ShortLivedMap } from './short-lived-map.ts';

/** Marks the method as repaired, so that a second call changes nothing. */
const repaired = new WeakSet<object>();

/**
 * kafkajs 2.2.4 keeps a connection's requests in flight in a `Map`, and what they carry outlives them by it: all messages of a
 * producer, all that a consumer fetched (`slots.ts` says how). This puts another map in its place when a connection is made.
 */
export function repairLastingRequests(): void {
  const begin = RequestQueue.prototype.scheduleRequestTimeoutCheck;
  if (repaired.has(begin)) return;
  if (typeof begin !== 'function')
    throw new Error('kafkajs has changed: RequestQueue.scheduleRequestTimeoutCheck is missing');
  RequestQueue.prototype.scheduleRequestTimeoutCheck = function beginWithoutTraces(): void {
    if (this.inflight.size === 0) this.inflight = new ShortLivedMap();
    begin.call(this);
  };
  repaired.add(RequestQueue.prototype.scheduleRequestTimeoutCheck);
}
