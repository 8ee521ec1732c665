import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ConsentTokens, RegisteredClient, RequestCounts, ServerProfile } from '@vault-engine/authorization-server';

/** What the process of the OAuth server is asked, and what it answers, one after the other. */
export type ToProvider = { readonly kind: 'counts' } | { readonly kind: 'consents'; readonly accounts: string[] };
export type FromProvider =
  | { readonly kind: 'ready'; readonly profile: ServerProfile; readonly client: RegisteredClient }
  | { readonly kind: 'counts'; readonly counts: RequestCounts['refreshes'] }
  | { readonly kind: 'tokens'; readonly tokens: readonly ConsentTokens[] };

/** `oidc-provider` in a process of its own, so that its CPU time is its own. */
export interface ProviderProcess {
  readonly pid: number;
  readonly profile: ServerProfile;
  readonly client: RegisteredClient;
  readonly consents: (accounts: string[]) => Promise<readonly ConsentTokens[]>;
  readonly refreshes: () => Promise<RequestCounts['refreshes']>;
  readonly stop: () => Promise<void>;
}

/** Starts one. Its access tokens live for an hour. */
export const openProvider = async (): Promise<ProviderProcess> => {
  const file = fileURLToPath(new URL('provider-process.ts', import.meta.url));
  const child = fork(file, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const { profile, client } = await answer(child, 'ready');
  const ask = <Kind extends FromProvider['kind']>(message: ToProvider, kind: Kind) => {
    const answered = answer(child, kind);
    child.send(message);
    return answered;
  };
  return {
    pid: child.pid ?? 0,
    profile,
    client,
    consents: async (accounts) => (await ask({ kind: 'consents', accounts }, 'tokens')).tokens,
    refreshes: async () => (await ask({ kind: 'counts' }, 'counts')).counts,
    stop: async () => {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
};

const answer = async <Kind extends FromProvider['kind']>(
  child: ChildProcess,
  kind: Kind,
): Promise<Extract<FromProvider, { kind: Kind }>> => {
  const over = new AbortController();
  const ended = once(child, 'exit', { signal: over.signal }).then(([code]) => {
    throw new Error(`the OAuth server ended with ${code}`);
  });
  try {
    const [message] = await Promise.race([once(child, 'message'), ended]);
    if (message.kind !== kind) throw new Error(`the OAuth server answers ${message.kind}`);
    return message;
  } finally {
    over.abort();
    ended.catch(() => undefined);
  }
};
