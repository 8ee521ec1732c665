export type { Lifetimes, RegisteredClient } from './configure-provider.ts';
export type { ConsentTokens } from './consent.ts';
export type { RequestCounts } from './count-requests.ts';
export { profileAt, type ServerProfile } from './describe-server.ts';
export * as misbehave from './misbehaviours.ts';
export {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  openAuthorizationServer,
} from './open-authorization-server.ts';
export { type MisbehavingProvider, openMisbehavingProvider } from './open-misbehaving-provider.ts';
export { openHttpServer, openTcpServer, type Received, sendJson, type TestServer } from './open-server.ts';
