import {
  type BoxRefusal,
  canon,
  openBox,
  type Random,
  type Result,
  type Secret,
  sealBox,
} from '@vault-engine/crypto/wire';
import { type EngineKeys, kidNumber } from './credential.ts';
import type { ReplyHead } from './sign.ts';

/** The field of a command that a token is sealed for. */
export interface CommandField {
  readonly topic: string;
  readonly commandId: Buffer;
  readonly commandType: string;
  readonly user: string;
  readonly platform: string;
  /** The name of the field that holds the box, e.g. `access_token`. */
  readonly field: string;
}

/** The field of a reply that a token is sealed for. */
export type ReplyField = ReplyHead & { readonly field: string };

const LABEL = 'VE/seal/v1';

const commandAad = (keys: EngineKeys, at: CommandField): Buffer =>
  canon(LABEL, 'c2v', keys.engine, at.topic, at.commandId, at.commandType, at.user, at.platform, at.field);

const replyAad = (keys: EngineKeys, at: ReplyField): Buffer =>
  canon(LABEL, 'v2c', keys.engine, at.replyTopic, at.commandId, at.replyType, at.field, at.requestMac);

/** Seals a token for a field of a command. Used by engines. */
export const sealForVault = (keys: EngineKeys, at: CommandField, secret: Secret, random?: Random): Buffer =>
  sealBox(keys.c2v, kidNumber(keys.kid), commandAad(keys, at), secret, random);

/** Opens a token of a command whose MAC was verified under the same keys. Used by the vault. */
export const openFromEngine = (keys: EngineKeys, at: CommandField, box: Buffer): Result<Secret, BoxRefusal> =>
  openBox(keys.c2v, kidNumber(keys.kid), commandAad(keys, at), box);

/** Seals a token for a field of the reply to one request. Used by the vault. */
export const sealForEngine = (keys: EngineKeys, at: ReplyField, secret: Secret, random?: Random): Buffer =>
  sealBox(keys.v2c, kidNumber(keys.kid), replyAad(keys, at), secret, random);

/** Opens a token of a reply whose MAC was verified under the same keys. Used by engines. */
export const openFromVault = (keys: EngineKeys, at: ReplyField, box: Buffer): Result<Secret, BoxRefusal> =>
  openBox(keys.v2c, kidNumber(keys.kid), replyAad(keys, at), box);
