import { isIP } from 'node:net';
import * as z from 'zod';
import { isLoopbackHost, withoutBrackets } from '../outbound/check-addresses.ts';

/** Whether `text` is an HTTPS URL that takes only `placeholders`, and those outside the host. */
const isSafeUrl = (text: string, placeholders: readonly string[]): boolean => {
  const filled = placeholders.reduce((url, name) => url.replaceAll(`{${name}}`, 'x'), text);
  if (/[{}]/.test(filled) || !URL.canParse(filled)) return false;
  const { protocol, username, password, hash, hostname } = new URL(filled);
  // A placeholder in the host would let its value choose the receiver of the tokens.
  const host = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
  if (username || password || hash || /[{}%]/.test(host)) return false;
  // The loader decides whether loopback is allowed at all.
  if (isLoopbackHost(hostname)) return protocol === 'https:' || protocol === 'http:';
  return protocol === 'https:' && isIP(withoutBrackets(hostname)) === 0;
};

const urlWith = (...placeholders: readonly string[]) => {
  const fillable = placeholders.map((name) => `{${name}}`).join(' and ');
  return z
    .string()
    .refine(
      (text) => isSafeUrl(text, placeholders),
      `expected an https URL with a host name, without credentials or fragment; only ${fillable} may be filled in, in the path`,
    )
    .meta({ format: 'uri' });
};

const url = urlWith('client_id');

/** `a.b.c` into a response; empty is the response itself. */
const path = z
  .string()
  .regex(/^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)?$/, 'expected names separated by dots, as a.b.c')
  .describe('Names separated by dots; empty: the whole response.');

/** One path, or several that are tried in order. */
const paths = z.union([path, z.array(path).min(1)], 'expected names separated by dots, as a.b.c, or a list of such');

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds. */
const duration = z
  .string()
  .regex(/^[1-9]\d{0,8}[smhd]$/, 'expected a number with s, m, h or d, as 30m, 10h or 14d')
  .transform((text) => Number(text.slice(0, -1)) * UNIT_MS[text.slice(-1) as keyof typeof UNIT_MS]) // by the pattern
  .nullable();

const seconds = z.int('expected whole seconds').min(0);
const days = z.int('expected whole days').min(1).nullable();
const texts = z.record(z.string(), z.string());
const errorCodes = z.array(z.union([z.string().min(1), z.int()]).transform(String));

/** `ClientAuthMethod` in `provider-request.ts` says what each of them sends. */
const AUTH_METHODS = ['post', 'basic', 'basic_raw', 'basic_percent', 'none'] as const;

const slot = z
  .strictObject({
    root: path.default('').describe('Path of the slot in the response.'),
    access: path.default('access_token'),
    refresh: path.nullable().default('refresh_token'),
    expires_in: paths
      .nullable()
      .default('expires_in')
      .describe('Lifetime in seconds; an absolute time is recognised. Of several paths the first that has a value.'),
    expires_at: paths
      .nullable()
      .default(null)
      .describe('Absolute expiry: Unix seconds or milliseconds, ISO 8601, or an HTTP date.'),
    refresh_expires_in: path
      .nullable()
      .default(null)
      .describe('As `expires_in`; 0: the refresh token does not expire.'),
    refresh_expires_at: path.nullable().default(null).describe('As `expires_at`.'),
    token_type: path.nullable().default('token_type').describe('null: Bearer, whatever the response says.'),
    scope: path.nullable().default('scope').describe('null: the response has no scopes.'),
  })
  .describe('One set of credentials in a token response.');

const revocation = z
  .strictObject({
    method: z.enum(['POST', 'GET', 'DELETE']).default('POST'),
    url: urlWith('client_id', 'token'),
    auth: z
      .enum([...AUTH_METHODS, 'bearer'])
      .nullable()
      .default(null)
      .describe('How the request authenticates; null: as `auth`; bearer: with the token itself; none: not at all.'),
    body: z.enum(['form', 'json', 'none']).default('form'),
    token: z
      .enum(['access', 'refresh'])
      .default('refresh')
      .describe(
        'The token that is sent; revoking it ends the grant. Without a refresh token the access token is sent.',
      ),
    tokens: z
      .array(z.enum(['access', 'refresh']))
      .min(1)
      .nullable()
      .default(null)
      .describe('Several tokens, each revoked in this order, where one does not end the other; overrides `token`.'),
    field: z.string().min(1).default('token').describe('Name of the body field for the token.'),
    gone: errorCodes
      .default(['invalid_token'])
      .describe('Error codes for a token that is no longer valid: the grant counts as revoked.'),
  })
  .describe('How a grant is revoked at the provider; null: the provider has no way.');

const identity = z
  .strictObject({
    method: z.enum(['GET', 'POST']).default('GET'),
    url,
    paths: z
      .array(path)
      .min(1)
      .describe('Fields of the response that together identify the account permanently; joined with a colon.'),
  })
  .describe('How the upstream account of an access token is looked up; null: the provider has no way.');

const introspection = z
  .strictObject({
    url,
    auth: z.enum(AUTH_METHODS).default('post'),
    refresh_tokens: z
      .boolean()
      .default(false)
      .describe(
        'Whether it covers refresh tokens: active while one can be used, inactive once it was rotated and its `grace_s` is over. Leave it false where the provider calls one active for the whole life of its grant.',
      ),
  })
  .describe('RFC 7662: how a token is introspected.');

const hosts = z
  .strictObject({
    param: z.string().min(1).describe('The connection parameter with the host, as a host name or an https URL.'),
    allowed: z
      .array(z.string().regex(/^([a-z0-9-]+\.)+[a-z]{2,}$/, 'expected a host name'))
      .min(1)
      .describe('The hosts that the parameter may have.'),
  })
  .describe('For providers with regions: replaces the token URL’s host in every URL that has it.');

/** Enough for a log-in with a second factor and a consent. */
export const DEFAULT_FLOW_S = 900;

const verdict = z
  .strictObject({
    confirm_after: z
      .array(z.int().min(1))
      .min(1)
      .default([60, 300, 1_800])
      .describe(
        'When a refused grant is asked for again, seconds after the first refusal, ascending. After the last one the user is asked if other connections of the platform succeed meanwhile.',
      ),
    ask_user_after: z
      .int()
      .min(1)
      .max(7 * 86_400)
      .default(21_600)
      .describe('When the user is asked at the latest while the refusals go on, seconds after the first.'),
  })
  .describe('When a refusal of the grant is believed.');

const limits = z
  .strictObject({
    concurrency: z.int().min(1).max(1_000).default(32).describe('Refreshes in flight in one process.'),
    per_minute: z
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe('Refreshes that all processes together begin in a minute; null: unlimited.'),
  })
  .describe('Load limits of the provider.');

/**
 * A platform profile as a file has it. Every key except `display_name` and `token.url` has a default that suits a
 * provider that follows RFC 6749.
 */
export const profileSchema = z.strictObject({
  display_name: z.string().min(1).max(64).describe('Name of the platform for people.'),
  extends: z
    .string()
    .min(1)
    .optional()
    .describe('A family: a file in the folder `families`. Mappings are merged; lists and single values replace.'),
  auth: z
    .enum(AUTH_METHODS)
    .default('post')
    .describe(
      'How the client authenticates at the token URL (RFC 6749 §2.3.1): in the body; by HTTP Basic, form-encoded (basic), not encoded (basic_raw) or percent-encoded (basic_percent); or not at all.',
    ),
  body: z.enum(['form', 'json']).default('form').describe('How a token request is encoded.'),
  headers: texts.default({}).describe('Sent with every request.'),
  token: z.strictObject({ url, params: texts.default({}).describe('Sent with every token request.') }),
  hosts: hosts.nullable().default(null),
  refresh: z
    .strictObject({
      url: url.nullable().default(null).describe('null: the token URL.'),
      params: texts.default({ grant_type: 'refresh_token' }),
      timeout_s: z
        .int('expected whole seconds')
        .min(1)
        .max(60)
        .nullable()
        .default(null)
        .describe('Time limit of a token request; null: 10 s.'),
      min_interval_s: seconds.default(60).describe('No connection is refreshed more often than this.'),
    })
    .prefault({}),
  response: z
    .strictObject({
      ok_path: path.nullable().default(null).describe('A field that is true in a success; errors may have status 200.'),
      ok: z
        .strictObject({
          path,
          equals: z
            .array(z.union([z.string(), z.number(), z.boolean()]))
            .min(1)
            .describe('The values of a success, compared as text: 0 and "0" are the same.'),
        })
        .nullable()
        .default(null)
        .describe('A field whose value tells success from error; where it says success, `error_path` is ignored.'),
      json_prefix: z
        .string()
        .min(1)
        .max(32)
        .nullable()
        .default(null)
        .describe('Text that the provider sends in front of its JSON.'),
      error_path: paths
        .default('error')
        .describe('Path of the error code; of several the first that `errors` lists, else the first that has a value.'),
      slots: z
        .record(z.string().regex(/^[a-z][a-z0-9_]*$/, 'expected a name of a-z 0-9 _'), slot)
        .prefault({ main: {} }),
      scope_separator: z.string().length(1).default(' '),
      params: texts
        .default({})
        .describe('Connection parameters in a response: name of the parameter, path of its value.'),
    })
    .prefault({}),
  access: z
    .strictObject({
      default_ttl_s: seconds
        .nullable()
        .default(null)
        .describe('Lifetime of an access token where the response states none.'),
      none_means: z
        .enum(['never', 'use_default', 'introspect'])
        .default('never')
        .describe('Meaning of a response without a lifetime.'),
      old_after_refresh: z
        .enum(['valid', 'revoked', 'grace'])
        .default('valid')
        .describe('Fate of the old access token when a refresh succeeds.'),
    })
    .prefault({}),
  rotation: z
    .strictObject({
      mode: z
        .enum(['never', 'optional', 'always'])
        .default('optional')
        .describe('Whether a refresh returns a new refresh token.'),
      grace_s: seconds.default(0).describe('How long the old refresh token works after a rotation.'),
      on_reuse: z
        .enum(['unknown', 'accept', 'reject', 'revoke_family'])
        .default('unknown')
        .describe(
          'Effect of using a rotated refresh token after the grace; accept: an old one works as long as it lives.',
        ),
    })
    .prefault({}),
  refresh_ttl: z
    .strictObject({
      idle: duration
        .default(null)
        .describe('A refresh token expires when it is unused for this long, e.g. 30m, 10h or 14d.'),
      absolute: duration.default(null).describe('A refresh token, or its family, expires this long after consent.'),
      idle_d: days.default(null).describe('As `idle`, in days.'),
      absolute_d: days.default(null).describe('As `absolute`, in days.'),
    })
    .prefault({}),
  policy: z
    .strictObject({
      margin_s: seconds.default(900).describe('How long before its expiry an access token is refreshed.'),
      margin_max_fraction: z
        .number()
        .gt(0)
        .lte(1)
        .default(0.2)
        .describe('The margin is at most this part of the lifetime.'),
      jitter_s: seconds.default(60),
      keepalive_h: z.int().min(24).default(24).describe('How long before its idle expiry a refresh token is used.'),
      flow_s: seconds
        .default(DEFAULT_FLOW_S)
        .describe('Time that a user has to connect before the started flow counts as abandoned.'),
    })
    .prefault({}),
  limits: limits.prefault({}),
  verdict: verdict.prefault({}),
  errors: z
    .strictObject({
      grant_dead: errorCodes.default(['invalid_grant']).describe('The grant is over: the user has to connect again.'),
      app_fault: errorCodes
        .default(['invalid_client', 'unauthorized_client'])
        .describe('The client registration is wrong; proves nothing about the connection.'),
      transient: errorCodes.default([]).describe('Try again later.'),
      throttled: errorCodes.default([]).describe('Too many requests, reported by a code instead of status 429.'),
    })
    .prefault({}),
  revoke: revocation.nullable().default(null),
  introspection: introspection.nullable().default(null),
  identity: identity.nullable().default(null),
});

/** The content of a profile, defaults filled in. Names are those of the file. */
export type ProfileContent = z.output<typeof profileSchema>;

/** A profile as a file has it: every key with a default may be left out. */
export type WrittenProfile = z.input<typeof profileSchema>;

/**
 * The JSON schema that editors check a profile with, as text. No key is required in it, because a family may supply what
 * a file leaves out. `loadProfiles` reports the keys that are missing from both.
 */
export const profileJsonSchema = (): string => {
  const schema = z.toJSONSchema(profileSchema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      delete jsonSchema.required;
    },
  });
  return `${JSON.stringify({ title: 'Platform profile', ...schema }, null, 2)}\n`;
};
