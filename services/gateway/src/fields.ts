import { ERRORS, LARGEST_INTEGER } from '@vault-engine/vault';
import * as z from 'zod';

/** The fields of requests and answers. Rules that the vault checks itself are not repeated here. */

export const user_id = z
  .string()
  .regex(/^[A-Za-z0-9._@|+-]{1,128}$/, 'expected 1 to 128 of A-Z a-z 0-9 . _ @ | + -')
  .meta({ description: 'The id of the user', examples: ['u1'] });

export const platform = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, "expected a platform's id, e.g. google-calendar")
  .meta({ description: "The platform's id", examples: ['gmail', 'google-calendar'] });

export const flow_id = z
  .string()
  .regex(/^[A-Za-z0-9._~:-]{1,128}$/, 'expected 1 to 128 of A-Z a-z 0-9 . _ ~ : -')
  .meta({ description: 'The name of the flow, no secret. The vault generates one by default', examples: ['flow-1'] });

/** Year 9999: a time in milliseconds is larger and refused. */
const LATEST_SECOND = 253_402_300_799;

export const unixSeconds = z
  .int('expected whole Unix seconds')
  .min(1, 'expected whole Unix seconds')
  .max(LATEST_SECOND, 'expected Unix seconds, not milliseconds');

export const version = z.int().min(0).max(LARGEST_INTEGER);
export const seconds = z.int().min(0).max(2_147_483_647);
/** RFC 6749 appendix A: VSCHAR. */
export const token = z
  .string()
  .regex(/^[\x20-\x7e]+$/, 'expected a token of printable ASCII characters (RFC 6749, appendix A)')
  .max(32_768, 'expected at most 32768 characters');

/** Scopes of an answer. */
export const scopes = z.array(z.string()).meta({ examples: [['email', 'profile']] });

/** RFC 6749 §3.3: scopes are sent as a list, or as the text of a token response, with spaces between them. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
export const givenScopes = z
  .union([
    z.array(z.string().regex(SCOPE, 'expected a scope (RFC 6749 §3.3)')).max(256, 'expected at most 256 scopes'),
    z
      .string()
      .regex(
        /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$|^$/,
        'expected scopes with a space between them (RFC 6749 §3.3)',
      ),
  ])
  .meta({
    description: 'The granted scopes: a list, or a text with spaces. Without it none',
    examples: [['email'], 'email profile'],
  });

/** The list of {@link givenScopes}. */
export const scopeList = (given: z.output<typeof givenScopes> | null | undefined): readonly string[] =>
  typeof given === 'string' ? given.split(' ').filter((scope) => scope !== '') : (given ?? []);

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

/**
 * The time at which a token expires: `expires_at`, or `expires_in` seconds after `now` (RFC 6749 §5.1), rounded down to whole
 * seconds. Null: unknown.
 */
export const expiryOf = (
  {
    expires_at,
    expires_in,
  }: { readonly expires_at?: number | null | undefined; readonly expires_in?: number | null | undefined },
  now: number,
): Date | null => (expires_in == null ? timeOf(expires_at) : timeOf(Math.floor(now / 1_000) + expires_in));

/** Headers that a caller may send besides its credential. */
export const optionalHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/, 'expected 1 to 255 printable ASCII characters')
    .optional()
    .describe('A mutating request that is repeated under the same key is executed once'),
  'x-request-id': z
    .string()
    .regex(LABEL, 'expected 1 to 128 of A-Z a-z 0-9 . _ : @ / + = -')
    .optional()
    .describe('A label, echoed in the answer'),
});

/** The body of every error. */
export const errorAnswer = z
  .object({
    // Not validated: a vault that is newer than the gateway may have further codes.
    error_code: z.string().meta({ enum: Object.keys(ERRORS), examples: ['not_connected'] }),
    message: z.string().describe('For people. Repeats no value of the request'),
    suggested_action: z.string().meta({ enum: [...new Set(Object.values(ERRORS).map(({ action }) => action))] }),
    request_id: z.string().describe("The X-Request-ID of the request, or the command's id"),
    retry_after_ms: z.int().min(0).optional(),
  })
  .describe('What happened, and what to do');
