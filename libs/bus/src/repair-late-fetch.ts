import type { Batch } from 'kafkajs';
import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup.js';

/** Marks the fetch as repaired, so that a second call changes nothing. */
const repaired = new WeakSet<object>();
/** Whether the assignment for which a batch was fetched has ended. */
const ended = new WeakMap<object, () => boolean>();

/**
 * kafkajs 2.2.4 fetches from each broker by itself. Where one has a partition no more, or the topic has more of them than
 * before, the member joins again at once, and positions go back to what the group has committed; what another broker still
 * brings then was asked for from where the member stood before. Who takes that for the first of the new assignment takes all
 * below it for done. This remembers for which assignment each batch was fetched; see {@link isLate}.
 */
export function repairLateFetch(): void {
  const { prototype } = ConsumerGroup;
  const { fetch } = prototype;
  if (typeof fetch !== 'function') throw new Error('kafkajs has changed: ConsumerGroup.fetch is missing');
  if (repaired.has(fetch)) return;
  prototype.fetch = async function fetchForAnAssignment(nodeId): Promise<readonly object[]> {
    // One for each assignment.
    const { offsetManager } = this;
    const batches = await fetch.call(this, nodeId);
    for (const batch of batches) ended.set(batch, () => this.offsetManager !== offsetManager);
    return batches;
  };
  repaired.add(prototype.fetch);
}

/** Whether the member has joined again since the batch was asked for: it comes again, from where the group is. */
export const isLate = (batch: Batch): boolean => ended.get(batch)?.() ?? false;
