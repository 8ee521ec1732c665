import { randomBytes } from 'node:crypto';
import { readTopic } from '@vault-engine/bus';
import {
  forgetUser,
  getStatus,
  getToken,
  type Operation,
  revokeToken,
  type StoreTokenInput,
  storeToken,
  type VaultClient,
} from '@vault-engine/client';
import { GATEWAY, isRecord } from '@vault-engine/contracts';
import { reveal, secretOf } from '@vault-engine/crypto/plaintext';
import { servicePlans } from '@vault-engine/development';
import {
  type EngineKeys,
  HEADER,
  openFromVault,
  parseReplyHeaders,
  sealForVault,
  verifyReply,
} from '@vault-engine/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { openAdministration } from './open-administration.ts';
import { type Adversary, type Answer, openAdversary } from './open-adversary.ts';
import { type Command, keysOf, type Wording } from './write-command.ts';

describe('an authentic command', () => {
  let vault: TestVault;
  let adversary: Adversary;
  let honest: VaultClient;
  /** Commands that were refused, each of which has to stand in the audit log once. */
  const refused: { readonly command: Command; readonly result: string; readonly reason: string | null }[] = [];

  beforeAll(async () => {
    vault = await openVault({ services: ['command-worker'] });
    adversary = await openAdversary(vault);
    honest = await vault.client('action');
  });
  afterAll(async () => {
    await adversary?.close();
    await vault?.close();
  });

  const by = (engine: string, operation: Operation<unknown>, more: Partial<Wording> = {}): Command =>
    adversary.write({ engine, operation, ...more });
  const token = (userId: string, accessToken: string, more: Partial<StoreTokenInput> = {}) =>
    storeToken({ userId, platform: 'gmail', accessToken, scopes: [], ...more });
  /** The token that the user has, as an honest engine is told; the error code where there is none. */
  const tokenOf = (userId: string): Promise<string> =>
    honest.getToken({ userId, platform: 'gmail' }).then(
      ({ accessToken }) => accessToken,
      ({ code }) => code,
    );
  /** Sends it, and shows that it was refused: answered once, on its engine's own topic. */
  const isRefused = async (
    command: Command,
    result: string,
    reason: string | null,
    topic = vault.topics.replies(command.keys.engine),
  ): Promise<Answer> => {
    const answer = await adversary.ask(command);
    expect(answer.result).toBe(result);
    expect(adversary.repliesTo(command).map((record) => record.topic)).toEqual([topic]);
    refused.push({ command, result, reason });
    return answer;
  };

  describe.each<[how: string, offsetMs: number, reason: string]>([
    ['61 s before it arrived', -61_000, 'sent_too_early'],
    ['65 s after it arrived', 65_000, 'sent_too_late'],
  ])('that says it was sent %s', (_how, offsetMs, reason) => {
    it.each<[name: string, operation: (userId: string) => Operation<unknown>]>([
      ['StoreToken', (userId) => token(userId, 'planted')],
      ['GetToken', (userId) => getToken({ userId, platform: 'gmail' })],
      ['GetStatus', (userId) => getStatus({ userId })],
      ['ForgetUser', (userId) => forgetUser({ userId })],
    ])('is refused: %s', async (_name, operation) => {
      const user = `late-${reason}`;
      await isRefused(by('action', operation(user), { sentMs: Date.now() + offsetMs }), 'invalid_request', reason);
      expect(await tokenOf(user)).toBe('not_connected');
    });
  });

  it('is served with a clock that is 50 s off, either way', async () => {
    for (const offsetMs of [-50_000, 50_000]) {
      const command = by('sync', getStatus({ userId: 'skewed' }), { sentMs: Date.now() + offsetMs });
      expect((await adversary.ask(command)).result).toBe('ok');
    }
  });

  describe('whose bytes come again', () => {
    it('is executed again when it reads', async () => {
      await adversary.ask(by('action', token('read-again', 'first')));
      const read = by('sync', getToken({ userId: 'read-again', platform: 'gmail' }));
      await adversary.ask(read);
      await adversary.ask(by('action', token('read-again', 'second')));
      await adversary.send(read.message);
      const tokens = (await adversary.answers(read, 2)).map((answer) => tokenIn(read, answer));
      expect(tokens).toEqual(['first', 'second']);
      await vi.waitFor(() => expect(adversary.auditOf(read)).toHaveLength(2));
    });

    it.each([
      ['idempotency key', 'mine'],
      ['command id', null],
    ])('is answered as before and has no second effect when it changes something, by its %s', async (_by, key) => {
      const user = `stored-again-${key}`;
      const first = by('action', token(user, 'first'), { idempotencyKey: key });
      await adversary.ask(first);
      await adversary.ask(by('action', token(user, 'second')));
      await adversary.send(first.message);
      const [before, again] = await adversary.answers(first, 2);
      expect(again?.reply).toEqual(before?.reply);
      expect(await tokenOf(user)).toBe('second');
      await vi.waitFor(() =>
        expect(adversary.auditOf(first).map(({ result, reason }) => [result, reason])).toEqual([
          ['ok', null],
          ['ok', 'repeated'],
        ]),
      );
    });

    it('brings nobody back who was revoked or forgotten meanwhile', async () => {
      for (const [user, end] of [
        ['revoked-meanwhile', revokeToken({ userId: 'revoked-meanwhile', platform: 'gmail' })],
        ['forgotten-meanwhile', forgetUser({ userId: 'forgotten-meanwhile' })],
      ] as const) {
        const stored = by('action', token(user, 'old'));
        await adversary.ask(stored);
        expect((await adversary.ask(by('action', end))).result).toBe('ok');
        await adversary.send(stored.message);
        await adversary.answers(stored, 2);
        expect(await tokenOf(user)).toBe('not_connected');
      }
    });

    it('takes nothing from a user who connected again meanwhile', async () => {
      for (const [user, end] of [
        ['revoked-again', revokeToken({ userId: 'revoked-again', platform: 'gmail' })],
        ['forgotten-again', forgetUser({ userId: 'forgotten-again' })],
      ] as const) {
        await adversary.ask(by('action', token(user, 'old')));
        const ended = by('action', end);
        expect((await adversary.ask(ended)).result).toBe('ok');
        await adversary.ask(by('action', token(user, 'new')));
        await adversary.send(ended.message);
        await adversary.answers(ended, 2);
        expect(await tokenOf(user)).toBe('new');
      }
    });

    it('takes nothing from a user who was not connected when it came first', async () => {
      for (const [user, end, result] of [
        ['revoked-first', revokeToken({ userId: 'revoked-first', platform: 'gmail' }), 'not_connected'],
        ['forgotten-first', forgetUser({ userId: 'forgotten-first' }), 'ok'],
      ] as const) {
        const ended = by('action', end);
        expect((await adversary.ask(ended)).result).toBe(result);
        await adversary.ask(by('action', token(user, 'new')));
        await adversary.send(ended.message);
        expect((await adversary.answers(ended, 2)).map((answer) => answer.result)).toEqual([result, result]);
        expect(await tokenOf(user)).toBe('new');
      }
    });

    it('has no second event', async () => {
      const events = await vault.read(vault.topics.connectionEvents, 'ConnectionChanged');
      const changes = (user: string) =>
        events.filter(({ user_id }) => user_id === user).map(({ change, revision }) => ({ change, revision }));
      expect(changes('stored-again-mine').map(({ change }) => change)).toEqual(['CONNECTED', 'RECONNECTED']);
      expect(changes('revoked-meanwhile').map(({ change }) => change)).toEqual(['CONNECTED', 'REVOKED']);
      expect(changes('forgotten-again').map(({ change }) => change)).toEqual(['CONNECTED', 'FORGOTTEN', 'CONNECTED']);
    });
  });

  describe('under an idempotency key that was used', () => {
    it.each<[how: string, other: Operation<unknown>]>([
      ['another token', token('used-key', 'another')],
      ['another platform', token('used-key', 'first', { platform: 'slack' })],
      ['other scopes', token('used-key', 'first', { scopes: ['more'] })],
      ['another operation', revokeToken({ userId: 'used-key', platform: 'gmail' })],
    ])('is refused as duplicate_request: %s', async (_how, other) => {
      const idempotencyKey = 'mine';
      await adversary.ask(by('action', token('used-key', 'first'), { idempotencyKey }));
      await isRefused(by('action', other, { idempotencyKey }), 'duplicate_request', null);
      expect(await tokenOf('used-key')).toBe('first');
    });

    it('is refused under a command id that was used, too', async () => {
      const first = by('action', token('used-id', 'first'));
      await adversary.ask(first);
      const { commandId } = first;
      const other = by('action', token('used-id', 'another'), { commandId });
      await adversary.send(other.message);
      expect((await adversary.answers(other, 1)).map(({ result }) => result)).toEqual(['duplicate_request']);
      expect(await tokenOf('used-id')).toBe('first');
    });

    it('is another command when another engine or user has it', async () => {
      const idempotencyKey = 'shared';
      for (const [engine, user] of [
        ['action', 'shares-1'],
        ['local', 'shares-1'],
        ['action', 'shares-2'],
      ] as const) {
        const { result } = await adversary.ask(by(engine, token(user, `of-${engine}-${user}`), { idempotencyKey }));
        expect(result).toBe('ok');
        expect(await tokenOf(user)).toBe(`of-${engine}-${user}`);
      }
    });
  });

  describe('without a grant', () => {
    it.each<[name: string, engine: string, operation: (userId: string) => Operation<unknown>]>([
      ['StoreToken', 'sync', (userId) => token(userId, 'planted')],
      ['RevokeToken', 'sync', (userId) => revokeToken({ userId, platform: 'gmail' })],
      ['ForgetUser', 'sync', (userId) => forgetUser({ userId })],
      ['ForgetUser', 'local', (userId) => forgetUser({ userId })],
    ])('for the operation is refused: %s by %s', async (_name, engine, operation) => {
      await adversary.ask(by('action', token('not-granted', 'kept')));
      await isRefused(by(engine, operation('not-granted')), 'forbidden', null);
      expect(await tokenOf('not-granted')).toBe('kept');
    });

    it('for the platform is refused, and does not see it in a status', async () => {
      await adversary.ask(by('action', token('one-platform', 'kept')));
      await adversary.ask(by('action', token('one-platform', 'kept', { platform: 'slack' })));
      const administration = await openAdministration(vault);
      const grants = [{ operations: ['StoreToken', 'GetToken', 'GetStatus', 'RevokeToken'], platforms: ['slack'] }];
      try {
        await administration.setPolicy('local', { grants, rate: { perSecond: 500, burst: 1_000 } });
      } finally {
        await administration.close();
      }
      const get = (platform: string) => by('local', getToken({ userId: 'one-platform', platform }));
      await vi.waitFor(async () => {
        const { reply } = await adversary.ask(by('local', getStatus({ userId: 'one-platform' })));
        const listed = isRecord(reply, 'StatusSnapshot') ? reply.value.connections : [];
        expect(listed.map(({ platform }) => platform)).toEqual(['slack']);
      });
      expect((await adversary.ask(get('slack'))).result).toBe('ok');
      await isRefused(get('gmail'), 'forbidden', null);
      await isRefused(by('local', token('one-platform', 'planted')), 'forbidden', null);
      await isRefused(by('local', revokeToken({ userId: 'one-platform', platform: 'gmail' })), 'forbidden', null);
      expect(await tokenOf('one-platform')).toBe('kept');
    });
  });

  describe('with a foreign reply topic', () => {
    it.each<[whose: string, topic: () => string]>([
      ['another engine’s', () => vault.topics.replies('sync')],
      ['the gateway’s', () => vault.topics.replies(GATEWAY)],
      ['the commands topic', () => vault.topics.commands],
      ['the audit log', () => vault.topics.auditLog],
      ['one that is not there', () => vault.topics.replies('nobody')],
    ])('is refused, on the engine’s own: %s', async (_whose, topic) => {
      const command = by('action', token('foreign-topic', 'planted'), { replyTopic: topic() });
      await isRefused(command, 'invalid_request', 'foreign_reply_topic');
      expect(await tokenOf('foreign-topic')).toBe('not_connected');
    });

    it('has put nothing on the topics that it named', async () => {
      const commands = refused.filter(({ reason }) => reason === 'foreign_reply_topic').map(({ command }) => command);
      const ids = new Set(commands.map(({ commandId }) => commandId.toString('hex')));
      const named = async (topic: string): Promise<number> => {
        let found = 0;
        for await (const { headers } of readTopic(vault.bus, topic))
          if (ids.has(headers[HEADER.correlationId]?.toString('hex') ?? '')) found += 1;
        return found;
      };
      expect(await named(vault.topics.commands)).toBe(commands.length);
      expect(await named(vault.topics.auditLog)).toBe(0);
    });

    it('is refused on a partition that is not there, and nobody can be told', async () => {
      const command = by('action', token('no-partition', 'planted'), { replyPartition: 4_000 });
      await adversary.send(command.message);
      expect(await tokenOf('no-partition')).toBe('not_connected');
      expect(adversary.repliesTo(command)).toEqual([]);
      refused.push({ command, result: 'invalid_request', reason: 'no_reply_partition' });
    });
  });

  it('under an http key is answered to the gateway alone', async () => {
    const credential = vault.engines['action']?.key ?? '';
    const gateway = vault.topics.replies(GATEWAY);
    const own = by('action', token('http-key', 'planted'), { credential });
    await isRefused(own, 'invalid_request', 'foreign_reply_topic', gateway);
    expect(await tokenOf('http-key')).toBe('not_connected');

    const read = by('action', getStatus({ userId: 'http-key' }), { credential, replyTopic: gateway });
    const { record, result } = await adversary.ask(read);
    expect([record.topic, result]).toEqual([gateway, 'ok']);
  });

  describe('whose parts do not belong together', () => {
    it('is refused: a key that is not the user id', async () => {
      await adversary.ask(by('action', token('owner', 'kept')));
      for (const operation of [
        token('owner', 'planted'),
        getToken({ userId: 'owner', platform: 'gmail' }),
        revokeToken({ userId: 'owner', platform: 'gmail' }),
        forgetUser({ userId: 'owner' }),
      ])
        await isRefused(by('action', operation, { key: 'somebody-else' }), 'invalid_request', 'key_mismatch');
      expect(await tokenOf('owner')).toBe('kept');
    });

    it('is refused: a type that is not the record’s', async () => {
      const operation = getToken({ userId: 'owner', platform: 'gmail' });
      await isRefused(by('action', operation, { commandType: 'GetStatus' }), 'invalid_request', 'type_mismatch');
      await isRefused(by('action', operation, { commandType: 'Made' }), 'invalid_request', 'not_a_command');
    });

    it('makes no series of metrics of a type that was made up', async () => {
      const [worker] = servicePlans(vault.place).filter(({ name }) => name === 'command-worker');
      const page = await (await fetch(`${worker?.operations}/metrics`)).text();
      expect(page).toMatch(/vault_commands_total\{.*action="other".*\}/);
      expect(page).not.toContain('Made');
    });

    it('is refused: a record that is no command', async () => {
      const operation = forgetUser({ userId: 'owner' });
      const value = vault.codec.encode('TokenRevoked', {
        user_id: 'owner',
        platform: 'gmail',
        revision: 1,
        provider_outcome: null,
        provider_reason: null,
      });
      const more = { commandType: 'TokenRevoked', value };
      await isRefused(by('action', operation, more), 'invalid_request', 'not_a_command');
    });

    it('is refused: a token that was sealed for another command, user, platform or engine', async () => {
      const { topics, codec } = vault;
      const own = by('action', token('sealed-here', 'x'));
      const place = { keys: own.keys, topic: topics.commands, commandId: own.commandId };
      const { keys: others } = by('sync', getStatus({ userId: 'sealed-here' }));
      const boxes = [
        boxOf({ ...place, commandId: Buffer.alloc(16) }, 'sealed-here', 'gmail'),
        boxOf(place, 'another-user', 'gmail'),
        boxOf(place, 'sealed-here', 'slack'),
        boxOf({ ...place, keys: others }, 'sealed-here', 'gmail'),
      ];
      for (const access_token of boxes) {
        const value = codec.encode('StoreToken', { ...bare('sealed-here'), access_token });
        const command = by('action', token('sealed-here', 'x'), { value });
        await isRefused(command, 'invalid_request', 'seal');
      }
      expect(await tokenOf('sealed-here')).toBe('not_connected');
    });

    it('is refused: a refresh token in the place of an access token', async () => {
      const commandId = randomBytes(16);
      const { keys } = by('action', token('swapped', 'x'));
      const place = { topic: vault.topics.commands, commandId, commandType: 'StoreToken', user: 'swapped' };
      const at = { ...place, platform: 'gmail', field: 'refresh_token' };
      const access_token = sealForVault(keys, at, secretOf(Buffer.from('planted')));
      const value = vault.codec.encode('StoreToken', { ...bare('swapped'), access_token });
      await isRefused(by('action', token('swapped', 'x'), { value, commandId }), 'invalid_request', 'seal');
      expect(await tokenOf('swapped')).toBe('not_connected');
    });
  });

  it('faster than its rate is refused, with the time to wait', async () => {
    const administration = await openAdministration(vault);
    const grants = [{ operations: ['GetStatus'], platforms: ['*'] }];
    try {
      await administration.setPolicy('local', { grants, rate: { perSecond: 1, burst: 1 } });
    } finally {
      await administration.close();
    }
    const refusal = await vi.waitUntil(async () => {
      const command = by('local', getStatus({ userId: 'hasty' }));
      const answer = await adversary.ask(command);
      if (answer.result === 'ok') return undefined;
      refused.push({ command, result: 'rate_limited', reason: null });
      return answer.reply;
    });
    expect(refusal.value).toMatchObject({ error_code: 'rate_limited', suggested_action: 'retry' });
    expect(isRecord(refusal, 'CommandFailed') ? refusal.value.retry_after_ms : null).toBeGreaterThan(0);
  });

  describe('with several faults', () => {
    it('is refused for the first in the order of checks', async () => {
      const userId = 'many-faults';
      const { value } = by('action', token(userId, 'planted')).message;
      const faults: readonly (readonly [reason: string | null, fault: Partial<Wording>])[] = [
        ['foreign_reply_topic', { replyTopic: vault.topics.replies('local') }],
        ['undecodable', { value: value.subarray(0, -3) }],
        ['type_mismatch', { commandType: 'RevokeToken' }],
        ['key_mismatch', { key: 'another' }],
        ['sent_too_early', { sentMs: Date.now() - 120_000 }],
      ];
      for (const [at, [reason]] of faults.entries()) {
        const left: Partial<Wording> = Object.assign({}, ...faults.slice(at).map(([, fault]) => fault));
        await isRefused(by('action', token(userId, 'planted'), left), 'invalid_request', reason);
        // The headers alone decide about the grant, before anything else that is wrong but the reply topic.
        if (reason !== 'foreign_reply_topic' && reason !== 'type_mismatch')
          await isRefused(
            by('sync', token(userId, 'planted'), { ...left, commandType: 'StoreToken' }),
            'forbidden',
            null,
          );
      }
      await isRefused(by('sync', token(userId, 'planted')), 'forbidden', null);
      expect(await tokenOf(userId)).toBe('not_connected');
    });

    it('is answered from the dedupe record before its sent time is looked at', async () => {
      const how = { idempotencyKey: 'mine', sentMs: Date.now() - 120_000 };
      const first = await adversary.ask(by('action', token('remembered', 'first'), { idempotencyKey: 'mine' }));
      const again = await adversary.ask(by('action', token('remembered', 'first'), how));
      expect(again.reply).toEqual(first.reply);
      await isRefused(by('action', token('remembered', 'other'), how), 'duplicate_request', null);
      const another = { ...how, idempotencyKey: 'not used' };
      await isRefused(by('action', token('remembered', 'other'), another), 'invalid_request', 'sent_too_early');
      await isRefused(by('local', token('remembered', 'first'), how), 'forbidden', null);
    });
  });

  it('is answered so that no other engine can open or pass on the answer', async () => {
    await adversary.ask(by('action', token('secret-of-a', 'for-a-alone')));
    const read = by('action', getToken({ userId: 'secret-of-a', platform: 'gmail' }));
    const answer = await adversary.ask(read);
    expect(tokenIn(read, answer)).toBe('for-a-alone');
    const others = [vault.engines['sync']?.kafka.key ?? '', vault.engines['sync']?.key ?? ''].map((text) =>
      keysOf('sync', text),
    );
    const otherOfA = keysOf('action', vault.engines['action']?.key ?? '');
    for (const keys of [...others, otherOfA]) {
      expect(tokenIn({ ...read, keys }, answer)).toBe('shut');
      expect(tokenIn({ ...read, keys: { ...keys, engine: 'action', kid: read.keys.kid } }, answer)).toBe('shut');
    }
    // To another request of the same engine, and from another topic, it is no answer either.
    const next = by('action', getToken({ userId: 'secret-of-a', platform: 'gmail' }), { commandId: read.commandId });
    expect(isFor(next, answer, answer.record.topic)).toBe(false);
    expect(isFor(read, answer, vault.topics.replies('sync'))).toBe(false);
    expect(isFor(read, answer, answer.record.topic)).toBe(true);
  });

  it('that was refused stands once in the audit log, with its reason', async () => {
    expect(refused.length).toBeGreaterThan(30);
    await vault.running.services.get('command-worker')?.stop();
    const log = await vault.read(vault.topics.auditLog, 'AuditRecord');
    for (const { command, result, reason } of refused) {
      const { requestId: request_id, keys, message } = command;
      const action = message.headers[HEADER.commandType]?.toString();
      expect(log.filter((record) => record.request_id === request_id)).toEqual([
        expect.objectContaining({
          request_id,
          engine: keys.engine,
          key_id: keys.kid,
          action,
          result,
          reason,
          count: 1,
        }),
      ]);
    }
    expect(log.filter(({ action }) => action === 'authenticate')).toEqual([]);
  });
});

interface Sealing {
  readonly keys: EngineKeys;
  readonly topic: string;
  readonly commandId: Buffer;
}

const boxOf = ({ keys, topic, commandId }: Sealing, user: string, platform: string): Buffer => {
  const at = { topic, commandId, commandType: 'StoreToken', user, platform, field: 'access_token' };
  return sealForVault(keys, at, secretOf(Buffer.from('planted')));
};

const bare = (user_id: string) => ({
  user_id,
  platform: 'gmail',
  refresh_token: null,
  expires_at: null,
  scopes: [],
  token_type: 'Bearer',
  refresh_expires_at: null,
  params: {},
  flow_id: null,
  allow_account_change: false,
});

/** The token of a reply, opened as the reply to `command`; `shut` where it does not open. */
const tokenIn = ({ keys, commandId, mac }: Command, { record, reply }: Answer): string => {
  if (!isRecord(reply, 'TokenIssued')) return 'none';
  const at = { replyTopic: record.topic, commandId, replyType: 'TokenIssued', requestMac: mac, field: 'access_token' };
  const opened = openFromVault(keys, at, reply.value.access_token);
  return opened.ok ? reveal(opened.value).toString() : 'shut';
};

/** Whether a record that was read from `replyTopic` is the reply to `command`. */
const isFor = ({ keys, commandId, mac }: Command, { record }: Answer, replyTopic: string): boolean => {
  const headers = parseReplyHeaders(record.headers);
  if (!headers.ok || headers.value.signature === null || record.value === null) return false;
  const head = { replyTopic, commandId, replyType: headers.value.replyType, requestMac: mac };
  return verifyReply(keys, head, record.value, headers.value.signature.mac);
};
