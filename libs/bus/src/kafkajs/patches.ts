import { patchFetch } from './decode-fetch.ts';
import { patchBatch } from './patch-batch.ts';
import { patchCluster } from './patch-cluster.ts';
import { patchConsumerGroup } from './patch-consumer-group.ts';
import { patchDecoder } from './patch-decoder.ts';
import { patchEncoder } from './patch-encoder.ts';
import { patchOffsetManager } from './patch-offset-manager.ts';
import { patchProduce } from './patch-produce.ts';
import { patchRequestQueue } from './patch-request-queue.ts';

/**
 * Applies all patches to kafkajs 2.2.4. Idempotent. `README.md` in this folder lists them: bug, upstream issue, patch, test.
 *
 * @throws where kafkajs lacks a method that a patch replaces
 */
export function patchKafkajs(): void {
  patchRequestQueue();
  patchOffsetManager();
  patchDecoder();
  patchCluster();
  patchConsumerGroup();
  patchProduce();
  patchFetch();
  patchBatch();
  patchEncoder();
}
