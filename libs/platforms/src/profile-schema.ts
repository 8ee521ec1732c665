import { isIP } from 'node:net';
import * as z from 'zod';
import { isLoopbackHost, withoutBrackets } from './outbound/public-address.ts';

/** What a URL of a profile may be filled with; nothing else may stand in braces. */
const isSafeUrl = (text: string, placeholders: readonly string[]): boolean => {
  const filled = placeholders.reduce((url, name) => url.replaceAll(`{${name}}`, 'x'), text);
  if (/[{}]/.test(filled) || !URL.canParse(filled)) return false;
  const { protocol, username, password, hash, hostname } = new URL(filled);
  // A host that a value could choose would let that value choose who receives the tokens.
  const host = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
  if (username || password || hash || /[{}%]/.test(host)) return false;
  // Whether this machine may be named at all is the loader's to say.
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
  .describe('Names separated by dots; empty: the response itself.');

/** Several paths are tried in their order. */
const paths = z.union([path, z.array(path).min(1)], 'expected names separated by dots, as a.b.c, or a list of such');

const seconds = z.int('expected whole seconds').min(0);
const days = z.int('expected whole days').min(1).nullable();
const texts = z.record(z.string(), z.string());
const errorCodes = z.array(z.string().min(1));

const slot = z
  .strictObject({
    root: path.default('').describe('Where the slot lies in the response.'),
    access: path.default('access_token'),
    refresh: path.nullable().default('refresh_token'),
    expires_in: paths.nullable().default('expires_in').describe('Seconds; of several paths the first that is there.'),
    refresh_expires_in: path.nullable().default(null),
    token_type: path.nullable().default('token_type').describe('null: Bearer, whatever the response says.'),
    scope: path.nullable().default('scope').describe('null: the response does not tell scopes.'),
  })
  .describe('One set of credentials in a token response.');

const revocation = z
  .strictObject({
    method: z.enum(['POST', 'GET', 'DELETE']).default('POST'),
    url: urlWith('client_id', 'token'),
    auth: z
      .enum(['post', 'basic', 'none', 'bearer'])
      .default('none')
      .describe('How the request authenticates; bearer: with the token itself.'),
    body: z.enum(['form', 'json', 'none']).default('form'),
    token: z
      .enum(['access', 'refresh'])
      .default('refresh')
      .describe('Which token is sent; revoking it ends the grant.'),
    field: z.string().min(1).default('token').describe('The name of the body field that holds the token.'),
    gone: errorCodes.default(['invalid_token']).describe('Errors that say that the token was dead already.'),
  })
  .describe('How a grant is ended at the provider; null: the provider has no way.');

const identity = z
  .strictObject({
    method: z.enum(['GET', 'POST']).default('GET'),
    url,
    paths: z
      .array(path)
      .min(1)
      .describe('Fields of the response that together name the account for good; joined with a colon.'),
  })
  .describe('How the upstream account of an access token is asked for; null: the provider has no way.');

const introspection = z
  .strictObject({
    url,
    auth: z.enum(['post', 'basic', 'none']).default('post'),
    refresh_tokens: z
      .boolean()
      .default(false)
      .describe(
        'Whether it tells of refresh tokens too: active as long as one can be used, and not after a rotation and its `grace_s`. Left false where the provider calls one active for as long as its grant lives.',
      ),
  })
  .describe('RFC 7662: how the expiry of an access token is asked for.');

const hosts = z
  .strictObject({
    param: z
      .string()
      .min(1)
      .describe('The parameter of a connection that names its host, as a host name or an https URL.'),
    allowed: z
      .array(z.string().regex(/^([a-z0-9-]+\.)+[a-z]{2,}$/, 'expected a host name'))
      .min(1)
      .describe('The only hosts it may name.'),
  })
  .describe('For providers with regions: takes the place of the token URL’s host in every URL that has it.');

/** A quarter of an hour: a log-in with a second factor and a consent, without haste. */
export const DEFAULT_FLOW_S = 900;

const limits = z
  .strictObject({
    concurrency: z
      .int()
      .min(1)
      .max(1_000)
      .default(32)
      .describe('How many refreshes one process has under way at once.'),
    per_minute: z
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe('How many refreshes all processes together begin in a minute; null: as many as fall due.'),
  })
  .describe('How hard the provider may be asked.');

/**
 * A platform profile as it stands in a file. Everything but `display_name` and `token.url` has a default that suits a
 * provider which does what RFC 6749 says.
 */
export const profileSchema = z.strictObject({
  display_name: z.string().min(1).max(64).describe('What people call the platform.'),
  extends: z
    .string()
    .min(1)
    .optional()
    .describe('A family: a file of the folder `families`. Mappings are merged; lists and single values replace.'),
  auth: z
    .enum(['post', 'basic', 'none'])
    .default('post')
    .describe('How the client authenticates at the token URL (RFC 6749 §2.3.1).'),
  body: z.enum(['form', 'json']).default('form').describe('How a token request is encoded.'),
  headers: texts.default({}).describe('Sent with every request.'),
  token: z.strictObject({ url, params: texts.default({}).describe('Sent with every token request.') }),
  hosts: hosts.nullable().default(null),
  refresh: z
    .strictObject({
      url: url.nullable().default(null).describe('null: the token URL.'),
      params: texts.default({ grant_type: 'refresh_token' }),
      min_interval_s: seconds.default(60).describe('No connection is refreshed more often than this.'),
    })
    .prefault({}),
  response: z
    .strictObject({
      ok_path: path.nullable().default(null).describe('A field that is false in an error with status 200.'),
      error_path: paths
        .default('error')
        .describe(
          'Where the error code stands; of several the first that `errors` lists, else the first that is there.',
        ),
      slots: z
        .record(z.string().regex(/^[a-z][a-z0-9_]*$/, 'expected a name of a-z 0-9 _'), slot)
        .prefault({ main: {} }),
      scope_separator: z.string().length(1).default(' '),
      params: texts
        .default({})
        .describe('Parameters of the connection that a response names: the parameter, and the path of its value.'),
    })
    .prefault({}),
  access: z
    .strictObject({
      default_ttl_s: seconds.nullable().default(null).describe('The lifetime where the response states none.'),
      none_means: z
        .enum(['never', 'use_default', 'introspect'])
        .default('never')
        .describe('What a response without a lifetime means.'),
      old_after_refresh: z
        .enum(['valid', 'revoked', 'grace'])
        .default('valid')
        .describe('What becomes of the old access token when a refresh succeeds.'),
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
        .enum(['unknown', 'reject', 'revoke_family'])
        .default('unknown')
        .describe('What using an old one does.'),
    })
    .prefault({}),
  refresh_ttl: z
    .strictObject({
      idle_d: days.default(null).describe('A refresh token dies when it is not used for this long.'),
      absolute_d: days.default(null).describe('A refresh token, or its family, dies this long after consent.'),
    })
    .prefault({}),
  policy: z
    .strictObject({
      margin_s: seconds.default(900).describe('How long before expiry an access token is renewed.'),
      margin_max_fraction: z
        .number()
        .gt(0)
        .lte(1)
        .default(0.2)
        .describe('The margin is at most this part of the lifetime.'),
      jitter_s: seconds.default(60),
      keepalive_h: z.int().min(24).default(24).describe('How long before a refresh token dies of idleness it is used.'),
      flow_s: seconds
        .default(DEFAULT_FLOW_S)
        .describe('How long a user may take to connect before the started flow counts as abandoned.'),
    })
    .prefault({}),
  limits: limits.prefault({}),
  errors: z
    .strictObject({
      grant_dead: errorCodes.default(['invalid_grant']).describe('Only the user can help: connect again.'),
      app_fault: errorCodes
        .default(['invalid_client', 'unauthorized_client'])
        .describe('Our registration is wrong; says nothing about the connection.'),
      transient: errorCodes.default([]).describe('Try again later.'),
      throttled: errorCodes.default([]).describe('Too many requests, told otherwise than by status 429.'),
    })
    .prefault({}),
  revoke: revocation.nullable().default(null),
  introspection: introspection.nullable().default(null),
  identity: identity.nullable().default(null),
});

/** The content of a profile, defaults filled in. Names are those of the file. */
export type ProfileContent = z.output<typeof profileSchema>;
