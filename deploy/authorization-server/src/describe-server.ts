/** The platform profile of such a server, in the form of a file. */
export interface ServerProfile {
  readonly display_name: string;
  readonly token: { readonly url: string };
  readonly rotation: { readonly mode: 'always'; readonly on_reuse: 'revoke_family' };
  readonly revoke: { readonly url: string; readonly auth: 'post' };
  readonly introspection: { readonly url: string; readonly refresh_tokens: true };
  readonly identity: { readonly url: string; readonly paths: string[] };
}

/** The addresses of the server at `url`. */
export const endpointsAt = (url: string) => ({
  tokenUrl: `${url}/token`,
  /** RFC 7009. */
  revocationUrl: `${url}/token/revocation`,
  /** RFC 7662. */
  introspectionUrl: `${url}/token/introspection`,
  /** Returns the account of an access token as `sub`. */
  identityUrl: `${url}/me`,
});

/** The profile of the server at `url`. Tests override single keys. */
export const profileAt = (url: string, displayName: string): ServerProfile => {
  const { tokenUrl, revocationUrl, introspectionUrl, identityUrl } = endpointsAt(url);
  return {
    display_name: displayName,
    token: { url: tokenUrl },
    rotation: { mode: 'always', on_reuse: 'revoke_family' },
    revoke: { url: revocationUrl, auth: 'post' },
    introspection: { url: introspectionUrl, refresh_tokens: true },
    identity: { url: identityUrl, paths: ['sub'] },
  };
};
