import { type BoxRefusal, canon, openBox, type Random, type Result, type Secret, sealBox } from '@vault-engine/crypto';
import { type EngineKeys, kidNumber } from './engine-keys.ts';
import type { ReplyHead } from './sign-reply.ts';

/** Where a token stands in a command. */
export interface CommandField {
  readonly topic: string;
  readonly commandId: Buffer;
  readonly commandType: string;
  readonly user: string;
  readonly platform: string;
  /** The name of the field that holds the box, e.g. `access_token`. */
  readonly field: string;
}

/** Where a token stands in a reply. */
export type ReplyField = ReplyHead & { readonly field: string };

const LABEL = 'VE/seal/v1';

const commandAad = (keys: EngineKeys, at: CommandField): Buffer =>
  canon(LABEL, 'c2v', keys.engine, at.topic, at.commandId, at.commandType, at.user, at.platform, at.field);

const replyAad = (keys: EngineKeys, at: ReplyField): Buffer =>
  canon(LABEL, 'v2c', keys.engine, at.replyTopic, at.commandId, at.replyType, at.field, at.requestMac);

/** An engine seals a token for its place in a command. */
export const sealForVault = (keys: EngineKeys, at: CommandField, secret: Secret, random?: Random): Buffer =>
  sealBox(keys.c2v, kidNumber(keys.kid), commandAad(keys, at), secret, random);

/** The vault opens a token of a command whose MAC it has verified under the same keys. */
export const openFromEngine = (keys: EngineKeys, at: CommandField, box: Buffer): Result<Secret, BoxRefusal> =>
  openBox(keys.c2v, kidNumber(keys.kid), commandAad(keys, at), box);

/** The vault seals a token for its place in the reply to one request. */
export const sealForEngine = (keys: EngineKeys, at: ReplyField, secret: Secret, random?: Random): Buffer =>
  sealBox(keys.v2c, kidNumber(keys.kid), replyAad(keys, at), secret, random);

/** An engine opens a token of a reply whose MAC it has verified. */
export const openFromVault = (keys: EngineKeys, at: ReplyField, box: Buffer): Result<Secret, BoxRefusal> =>
  openBox(keys.v2c, kidNumber(keys.kid), replyAad(keys, at), box);
