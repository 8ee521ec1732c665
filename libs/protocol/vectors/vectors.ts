import { canonVectors, keyVectors } from './canon-and-keys.ts';
import { boxVectors, recordVectors } from './sealed.ts';
import { replyVectors, requestVectors } from './signed.ts';

/** Where the vectors lie, beside the page that they illustrate. */
export const VECTORS_FOLDER = new URL('../../../schemas/vectors/', import.meta.url);

/** The vectors by the name of their file. The same bytes every time. */
export const vectors = {
  canon: canonVectors,
  keys: keyVectors,
  box: boxVectors,
  request: requestVectors,
  reply: replyVectors,
  record: recordVectors,
} as const;
