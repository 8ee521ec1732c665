/** Confluent's wire format: 0x00, the writer's schema id as int32 BE, the Avro body. */
export const HEADER_BYTES = 5;

const MAGIC = 0;

/** The message of `body`, written with schema `id`. */
export const frame = (id: number, body: Buffer): Buffer => {
  const message = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  message[0] = MAGIC;
  message.writeInt32BE(id, 1);
  body.copy(message, HEADER_BYTES);
  return message;
};

/** What stands in a message, before any schema is known. */
export type Unframed =
  | { readonly ok: true; readonly id: number; readonly body: Buffer }
  | { readonly ok: false; readonly reason: 'empty' | 'bad_magic' | 'too_short' };

/** Takes `message` apart. Shares its memory. */
export const unframe = (message: Buffer | null): Unframed => {
  if (message === null || message.length === 0) return { ok: false, reason: 'empty' };
  if (message[0] !== MAGIC) return { ok: false, reason: 'bad_magic' };
  if (message.length < HEADER_BYTES) return { ok: false, reason: 'too_short' };
  return { ok: true, id: message.readInt32BE(1), body: message.subarray(HEADER_BYTES) };
};
