import { type IntrospectionResponse, processIntrospectionResponse } from 'oauth4webapi';
import { endpointUrl } from '../endpoint-url.ts';
import { type ProviderDeps, type Questioned, type Registration, requestIntrospection } from '../provider-request.ts';
import { readJson } from '../read-json.ts';

const SERVER = { issuer: 'https://provider.invalid' };

/**
 * What a provider says of a token (RFC 7662): one request. Null: the profile has no such endpoint, or its answer is not
 * that of one. Does not reject for anything that a provider or a network does.
 */
export const introspect = async (
  registration: Registration,
  questioned: Questioned,
  params: Readonly<Record<string, string>>,
  deps: ProviderDeps,
): Promise<IntrospectionResponse | null> => {
  const { profile, client } = registration;
  if (profile.introspection === null) return null;
  const { url: template, auth } = profile.introspection;
  const url = endpointUrl(profile, template, { fill: { client_id: client.id }, params });
  if (!url.ok) return null;
  const exchange = await requestIntrospection(registration, url.value, auth, questioned, deps);
  if (exchange.kind !== 'answered' || exchange.status !== 200) return null;
  return read(exchange.body, client.id);
};

const read = async (body: Buffer, clientId: string): Promise<IntrospectionResponse | null> => {
  try {
    return await processIntrospectionResponse(SERVER, { client_id: clientId }, Response.json(readJson(body)));
  } catch {
    return null;
  }
};
