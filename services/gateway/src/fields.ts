import { isIdempotencyKey } from '@vault-engine/protocol';
import { isFlowId, LARGEST_INTEGER, platformId, userId } from '@vault-engine/vault';
import * as z from 'zod';

/** The fields of requests and answers. Rules that the vault checks itself are not repeated here. */

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
  .describe('Names the flow: 1 to 128 of A-Z a-z 0-9 . _ ~ : -, no secret. The vault generates one by default');

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
export const nullableSeconds = unixSeconds.nullable().describe('Unix seconds; null if unknown');

/** The date of `seconds`. REST has Unix seconds, the client library dates. */
export const timeOf = (seconds: number | null | undefined): Date | null =>
  seconds == null ? null : new Date(seconds * 1_000);

/** Unix seconds of `time`, rounded down, so that no token is stated to live longer than it does. */
export const secondsOf = (time: Date | null): number | null => (time === null ? null : wholeSecondsOf(time));

/** {@link secondsOf} for a time that is never null. */
export const wholeSecondsOf = (time: Date): number => Math.floor(time.getTime() / 1_000);

/** Text that can be echoed into a header and a body: no spaces, no quotes, no control characters. */
const LABEL = /^[A-Za-z0-9._:@/+=-]{1,128}$/;

/** The caller's `X-Request-ID`; null if there is none that can be echoed. */
export const requestLabel = (header: string | string[] | undefined): string | null =>
  typeof header === 'string' && LABEL.test(header) ? header : null;

/** Headers that a caller may send besides its credential. */
export const optionalHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .refine(isIdempotencyKey, 'expected 1 to 255 printable ASCII characters')
    .optional()
    .describe('A mutating request that is repeated under the same key is executed once'),
  'x-request-id': z.string().optional().describe('A label, echoed: 1 to 128 of A-Z a-z 0-9 . _ : @ / + = -'),
});

/** The body of every error. */
export const errorAnswer = z
  .object({
    error_code: z.string(),
    message: z.string().describe('For people. Repeats no value of the request'),
    suggested_action: z.string(),
    request_id: z.string().describe("The X-Request-ID of the request, or the command's id"),
    retry_after_ms: z.int().min(0).optional(),
  })
  .describe('What happened, and what to do');
