import { randomBytes } from 'node:crypto';
import { reveal, secretOf } from '@vault-engine/crypto/plaintext';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveEngineKeys, type EngineKeys, mintCredential } from './credential.ts';
import {
  type CommandField,
  openFromEngine,
  openFromVault,
  type ReplyField,
  sealForEngine,
  sealForVault,
} from './seal-token.ts';

const credential = mintCredential();
const keys = deriveEngineKeys('action', credential);
const strangers: readonly [string, EngineKeys][] = [
  ['another engine with the same secret', deriveEngineKeys('sync', credential)],
  ['another secret with the same kid', deriveEngineKeys('action', { ...mintCredential(), kid: credential.kid })],
  ['another key of the engine', deriveEngineKeys('action', mintCredential())],
];
const token = () => secretOf(Buffer.from('abcd'));

describe('a token sealed for the vault', () => {
  const at: CommandField = {
    topic: 'vault.commands',
    commandId: randomBytes(16),
    commandType: 'StoreToken',
    user: 'u1',
    platform: 'gmail',
    field: 'access_token',
  };
  const box = sealForVault(keys, at, token());

  it('opens in its own field', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        const opened = openFromEngine(keys, at, sealForVault(keys, at, secretOf(Buffer.from(bytes))));
        expect(opened.ok && reveal(opened.value).equals(bytes)).toBe(true);
      }),
    );
  });

  it.each<[string, Partial<CommandField>]>([
    ['topic', { topic: 'vault.commands.dlt' }],
    ['command', { commandId: randomBytes(16) }],
    ['command type', { commandType: 'GetToken' }],
    ['user', { user: 'u2' }],
    ['platform', { platform: 'slack' }],
    ['field', { field: 'refresh_token' }],
  ])('is refused for another %s', (_what, other) => {
    expect(openFromEngine(keys, { ...at, ...other }, box)).toEqual({ ok: false, reason: 'tampered' });
  });

  it.each(strangers)('is refused by %s', (_what, other) => {
    expect(openFromEngine(other, at, box).ok).toBe(false);
  });
});

describe('a token sealed for an engine', () => {
  const at: ReplyField = {
    replyTopic: 'vault.replies.action',
    commandId: randomBytes(16),
    replyType: 'TokenIssued',
    requestMac: randomBytes(32),
    field: 'access_token',
  };
  const box = sealForEngine(keys, at, token());

  it('opens in its own field', () => {
    const opened = openFromVault(keys, at, box);
    expect(opened.ok && reveal(opened.value).toString()).toBe('abcd');
  });

  it.each<[string, Partial<ReplyField>]>([
    ['reply topic', { replyTopic: 'vault.replies.sync' }],
    ['command', { commandId: randomBytes(16) }],
    ['reply type', { replyType: 'TokenStored' }],
    ['request', { requestMac: randomBytes(32) }],
    ['field', { field: 'refresh_token' }],
  ])('is refused for another %s', (_what, other) => {
    expect(openFromVault(keys, { ...at, ...other }, box)).toEqual({ ok: false, reason: 'tampered' });
  });

  it.each(strangers)('is refused by %s', (_what, other) => {
    expect(openFromVault(other, at, box).ok).toBe(false);
  });

  it('does not open as a token sealed by an engine, even with the keys of both directions swapped', () => {
    const command = { topic: at.replyTopic, commandId: at.commandId, commandType: at.replyType, field: at.field };
    const reflected = { ...command, user: 'u1', platform: 'gmail' };
    expect(openFromEngine(keys, reflected, box).ok).toBe(false);
    expect(openFromEngine({ ...keys, c2v: keys.v2c, v2c: keys.c2v }, reflected, box).ok).toBe(false);
  });
});
