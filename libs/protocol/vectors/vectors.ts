import { canonVectors, keyVectors } from './canon-and-keys.ts';
import { partitionVectors } from './partitions.ts';
import { boxVectors, recordVectors } from './sealed.ts';
import { replyVectors, requestVectors } from './signed.ts';

/** The folder of the vectors, next to PROTOCOL.md. */
export const VECTORS_FOLDER = new URL('../../../schemas/vectors/', import.meta.url);

/** The vectors by the name of their file. They are deterministic. */
export const vectors = {
  canon: canonVectors,
  keys: keyVectors,
  box: boxVectors,
  request: requestVectors,
  reply: replyVectors,
  record: recordVectors,
  partition: partitionVectors,
} as const;
