import { isIdempotencyKey } from '@vault-engine/protocol';
import { isFlowId, LARGEST_INTEGER, platformId, userId } from '@vault-engine/vault';
import * as z from 'zod';

/** The fields of requests and answers, each with what it holds. What the vault checks itself is left to it. */

export const user_id = z
  .string()
  .refine((text) => userId(text) !== null, 'expected 1 to 128 of A-Z a-z 0-9 . _ @ | + -')
  .describe('1 to 128 of A-Z a-z 0-9 . _ @ | + -');

export const platform = z
  .string()
  .refine((text) => platformId(text) !== null, "expected a platform's id, e.g. google-calendar")
  .describe("The platform's id, e.g. google-calendar");

export const flow_id = z
  .string()
  .refine(isFlowId, 'expected 1 to 128 of A-Z a-z 0-9 . _ ~ : -')
  .describe('Names the flow: 1 to 128 of A-Z a-z 0-9 . _ ~ : -, no secret. The vault makes one where none is given');

/** Year 9999: a time in milliseconds is larger and refused. */
const LATEST_SECOND = 253_402_300_799;

export const unixSeconds = z
  .int('expected whole Unix seconds')
  .min(1, 'expected whole Unix seconds')
  .max(LATEST_SECOND, 'expected Unix seconds, not milliseconds');

export const version = z.int().min(0).max(LARGEST_INTEGER);
export const seconds = z.int().min(0).max(2_147_483_647);
export const token = z.string().min(1, 'expected a token');
export const scopes = z.array(z.string());
export const params = z.record(z.string(), z.string());
export const nullableSeconds = unixSeconds.nullable().describe('Unix seconds; null where nobody said');

/** Headers that a caller may send beside its credential. */
export const optionalHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .refine(isIdempotencyKey, 'expected 1 to 255 printable ASCII characters')
    .optional()
    .describe('A repetition of a mutating request under the same key is executed once'),
  'x-request-id': z.string().optional().describe('A label, echoed: 1 to 128 of A-Z a-z 0-9 . _ : @ / + = -'),
});

/** What every error answers. */
export const errorAnswer = z
  .object({
    error_code: z.string(),
    message: z.string().describe('For people. Holds no value of the request'),
    suggested_action: z.string(),
    request_id: z.string().describe("The X-Request-ID of the request, or the command's id"),
    retry_after_ms: z.int().min(0).optional(),
  })
  .describe('What went wrong, and what helps');
