import { randomBytes } from 'node:crypto';
import { connectVault, getStatus, getToken, storeToken, VaultTimeout } from '@vault-engine/client';
import { isRecord } from '@vault-engine/contracts';
import { HEADER, parseReplyHeaders } from '@vault-engine/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { openAdministration } from './open-administration.ts';
import { type Adversary, openAdversary } from './open-adversary.ts';
import type { Command, CommandMessage, Wording } from './write-command.ts';

/** A credential that nobody has handed out. */
const inventedCredential = (kid = randomBytes(4).toString('hex')): string =>
  `vek1.${kid}.${randomBytes(32).toString('base64url')}`;

describe('a command without proof', () => {
  let vault: TestVault;
  let adversary: Adversary;
  const began = Date.now();
  /** What the worker has to have counted by its end: attempts by engine and reason. */
  const counted = new Map<string, number>();
  const count = (line: string): void => void counted.set(line, (counted.get(line) ?? 0) + 1);

  beforeAll(async () => {
    vault = await openVault({ services: ['command-worker'] });
    adversary = await openAdversary(vault);
  });
  afterAll(async () => {
    await adversary?.close();
    await vault?.close();
  });

  const store = (user: string, more: Partial<Wording> = {}): Command =>
    adversary.write({
      engine: 'action',
      operation: storeToken({ userId: user, platform: 'gmail', accessToken: 'planted', scopes: [] }),
      ...more,
    });
  const platformsOf = async (user: string): Promise<ReadonlySet<string>> => {
    const { reply } = await adversary.ask(
      adversary.write({ engine: 'action', operation: getStatus({ userId: user }) }),
    );
    const connections = isRecord(reply, 'StatusSnapshot') ? reply.value.connections : [];
    return new Set(connections.map(({ status }) => status));
  };
  /** Sends it, and shows that nothing came of it: no answer but the hint, nothing stored, nothing in the audit log. */
  const comesToNothing = async (command: Command, message: CommandMessage = command.message): Promise<void> => {
    await adversary.send(message);
    const users = new Set([message.key, command.message.key].map(String));
    for (const user of users) expect(await platformsOf(user)).toEqual(new Set(['MISSING']));
    expect(adversary.repliesTo(command).filter(({ headers }) => headers[HEADER.vaultMac] !== undefined)).toEqual([]);
    expect(adversary.auditOf(command)).toEqual([]);
  };

  it('is not executed under a wrong key, whose id nobody has', async () => {
    await comesToNothing(store('wrong-kid', { credential: inventedCredential() }));
    count('action unknown_key');
  });

  it('is not executed under a wrong key of the right id', async () => {
    const { kid } = vault.engines['action']?.kafka ?? { kid: '' };
    await comesToNothing(store('wrong-key', { credential: inventedCredential(kid) }));
    count('action wrong_mac');
  });

  it('is not executed for one engine under the key of another', async () => {
    const sync = vault.engines['sync']?.kafka.key ?? '';
    await comesToNothing(store('other-key', { credential: sync, replyTopic: vault.topics.replies('action') }));
    count('action unknown_key');
  });

  it('is not executed for an engine that is not known, and nobody is told', async () => {
    const replyTopic = vault.topics.replies('action');
    const command = store('no-engine', { engine: 'intruder', credential: inventedCredential(), replyTopic });
    await comesToNothing(command);
    expect(adversary.repliesTo(command)).toEqual([]);
    count('unknown unknown_engine');
  });

  describe('one field of which was changed after the signing', () => {
    type Change = (message: CommandMessage) => Partial<CommandMessage>;
    const header =
      (name: string, to: (was: Buffer) => Buffer | string): Change =>
      ({ headers }) => ({
        headers: { ...headers, [name]: Buffer.from(to(headers[name] ?? Buffer.alloc(0))) },
      });
    const flipped = (bytes: Buffer, at: number): Buffer => {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
      return copy;
    };
    /** The four parts of `v1.<kid>.<sent ms>.<MAC>`. */
    const part = (index: number, to: (was: string) => string): Change =>
      header(HEADER.engineKey, (was) =>
        String(was)
          .split('.')
          .map((text, at) => (at === index ? to(text) : text))
          .join('.'),
      );
    const otherKid = () => vault.engines['action']?.kid ?? '';

    it.each<[field: string, change: Change, counts?: string]>([
      ['engine', header(HEADER.engineId, () => 'sync'), 'sync unknown_key'],
      ['kid', part(1, () => otherKid())],
      ['sent ms', part(2, (was) => String(Number(was) + 1))],
      ['command id', header(HEADER.correlationId, (was) => flipped(was, 15))],
      ['command type', header(HEADER.commandType, () => 'ForgetUser')],
      ['timeout', header(HEADER.timeoutMs, () => '20001')],
      ['idempotency key', header(HEADER.idempotencyKey, () => 'another')],
      ['reply topic', header(HEADER.replyTopic, () => vault.topics.replies('sync'))],
      ['reply partition', header(HEADER.replyPartition, () => '1')],
      ['key', () => ({ key: Buffer.from('another-user') })],
      ['value', ({ value }) => ({ value: flipped(value, value.length - 1) })],
      ['schema id', ({ value }) => ({ value: flipped(value, 4) })],
      ['MAC', part(3, (was) => `${was.startsWith('A') ? 'B' : 'A'}${was.slice(1)}`)],
    ])('is not executed: %s', async (field, change, counts = 'action wrong_mac') => {
      const command = store(`tampered-${field.replaceAll(' ', '-')}`, { idempotencyKey: 'mine' });
      await comesToNothing(command, { ...command.message, ...change(command.message) });
      count(counts);
    });

    it('is not executed: topic', async () => {
      await comesToNothing(store('tampered-topic', { signedTopic: 'vault.commands' }));
      count('action wrong_mac');
    });

    it('is not executed: an idempotency key that was taken away', async () => {
      const command = store('tampered-no-idempotency-key', { idempotencyKey: 'mine' });
      const { [HEADER.idempotencyKey]: _taken, ...headers } = command.message.headers;
      await comesToNothing(command, { ...command.message, headers });
      count('action wrong_mac');
    });

    it('is served when only the form of a field was changed: a UUID and a partition as text', async () => {
      const command = adversary.write({ engine: 'sync', operation: getStatus({ userId: 'forms' }) });
      const headers = {
        ...command.message.headers,
        [HEADER.correlationId]: Buffer.from(command.requestId),
        [HEADER.replyPartition]: Buffer.from('0'),
      };
      const { record } = await adversary.ask({ ...command, message: { ...command.message, headers } });
      expect(record.headers[HEADER.correlationId]?.toString()).toBe(command.requestId);
    });
  });

  it('is not executed when it is a reply, as it came or in the clothes of a command', async () => {
    const stored = store('reflected');
    const { record } = await adversary.ask(stored);
    const { topic } = stored.message;
    await adversary.send({ topic, key: record.key, value: record.value, headers: record.headers });
    count('unknown malformed');
    const signature = parseReplyHeaders(record.headers);
    const mac = signature.ok ? signature.value.signature?.mac.toString('base64url') : undefined;
    const dressed = {
      ...stored.message,
      value: record.value ?? Buffer.alloc(0),
      headers: {
        ...stored.message.headers,
        [HEADER.commandType]: Buffer.from('TokenStored'),
        [HEADER.engineKey]: Buffer.from(`v1.${stored.keys.kid}.${Date.now()}.${mac}`),
      },
    };
    await adversary.send(dressed);
    await adversary.settled('reflected');
    count('action wrong_mac');
    expect(adversary.repliesTo(stored).filter(({ headers }) => headers[HEADER.vaultMac] !== undefined)).toHaveLength(1);
    expect(adversary.auditOf(stored)).toHaveLength(1);
  });

  it('is served under both usable keys of an engine, until one of them is revoked', async () => {
    const administration = await openAdministration(vault);
    const before = vault.engines['local']?.kafka ?? { kid: '', key: '' };
    const ask = (credential: string) =>
      adversary.write({ engine: 'local', credential, operation: getStatus({ userId: 'rotated' }) });
    const captured = store('captured', { engine: 'local' });
    try {
      const added = await administration.addKey('local', 'kafka');
      const after = added.ok ? added.value : { kid: '', key: '' };
      const serves = async (key: string) => {
        const command = ask(key);
        await adversary.send(command.message);
        await adversary.settled('rotated');
        return adversary.repliesTo(command).some(({ headers }) => headers[HEADER.vaultMac] !== undefined);
      };
      await vi.waitFor(async () => expect(await serves(after.key)).toBe(true), { timeout: 5_000, interval: 20 });
      expect(await serves(before.key)).toBe(true);

      const revokedAt = Date.now();
      expect(await administration.revokeKey('local', before.kid)).toEqual({ ok: true, value: true });
      await vi.waitFor(async () => expect(await serves(before.key)).toBe(false), { timeout: 5_000, interval: 20 });
      expect(Date.now() - revokedAt).toBeLessThan(3_000);
      expect(await serves(after.key)).toBe(true);
      count('local key_not_usable');
      await comesToNothing(captured);
      count('local key_not_usable');
    } finally {
      await administration.close();
    }
  });

  it('lets a client with a wrong key run into a timeout that names the key, and gives up nothing else', async () => {
    const credential = inventedCredential();
    const client = await connectVault({ ...vault.place, engine: 'sync', credential, timeoutMs: 400 });
    // The hint of this second may have gone to somebody else who claims to be the engine.
    await vi.waitFor(
      async () => {
        count('sync unknown_key');
        const failure: unknown = await client.getToken({ userId: 'riddle', platform: 'gmail' }).catch((error) => error);
        expect(failure).toBeInstanceOf(VaultTimeout);
        expect(failure).toMatchObject({ code: 'deadline_exceeded', credentialQuestioned: true });
        expect(String(failure)).toMatch(/the key or the signature is invalid; check the credential/);
      },
      { timeout: 5_000 },
    );
    await client.close();
  });

  it('is hinted at once a second at most, unsigned, on the own topic of the engine that it claims', async () => {
    const burst = Array.from({ length: 50 }, () =>
      adversary.write({
        engine: 'sync',
        credential: inventedCredential(),
        operation: getToken({ userId: 'burst', platform: 'gmail' }),
      }),
    );
    const first = Date.now();
    await Promise.all(burst.map(({ message }) => adversary.send(message)));
    await adversary.settled('burst');
    const seconds = (Date.now() - first) / 1_000;
    for (const _ of burst) count('sync unknown_key');
    const notices = burst.flatMap(adversary.repliesTo);
    expect(notices.length).toBeLessThanOrEqual(1 + seconds);
    await vi.waitFor(
      async () => {
        const command = adversary.write({
          engine: 'sync',
          credential: inventedCredential(),
          operation: getToken({ userId: 'burst', platform: 'gmail' }),
        });
        await adversary.send(command.message);
        count('sync unknown_key');
        await adversary.settled('burst');
        const [notify] = adversary.repliesTo(command);
        expect(notify).toMatchObject({ topic: vault.topics.replies('sync'), partition: 0 });
        expect(notify?.headers[HEADER.vaultMac]).toBeUndefined();
        const note = await vault.codec.decode(notify?.value ?? null);
        expect(note).toMatchObject({
          name: 'CommandFailed',
          value: { error_code: 'unauthorized_engine', suggested_action: 'check_engine_key' },
        });
      },
      { timeout: 3_000, interval: 200 },
    );
  });

  it('is one counted record per engine, reason and minute in the audit log, and no more', async () => {
    await vault.running.services.get('command-worker')?.stop();
    const records = (await vault.read(vault.topics.auditLog, 'AuditRecord')).filter(
      ({ action }) => action === 'authenticate',
    );
    const totals = new Map<string, number>();
    for (const { engine, reason, count: attempts } of records)
      totals.set(`${engine} ${reason}`, (totals.get(`${engine} ${reason}`) ?? 0) + attempts);
    expect(Object.fromEntries(totals)).toEqual(Object.fromEntries(counted));
    expect(records.length).toBeLessThanOrEqual(totals.size * (1 + Math.floor((Date.now() - began) / 60_000)));
    for (const record of records)
      expect(record).toMatchObject({ request_id: null, user_id: null, key_id: null, result: 'unauthorized_engine' });
  });

  it('has left nothing on the reply topics but signed replies and hints to engines that there are', async () => {
    const unsigned = adversary.replies().filter(({ headers }) => headers[HEADER.vaultMac] === undefined);
    const engines = new Set(unsigned.map(({ topic }) => topic));
    expect([...engines].sort()).toEqual(['action', 'local', 'sync'].map(vault.topics.replies));
    const seconds = (Date.now() - began) / 1_000;
    expect(unsigned.length).toBeLessThanOrEqual(engines.size * (1 + seconds));
  });
});
