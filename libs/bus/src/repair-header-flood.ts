import Decoder from 'kafkajs/src/protocol/decoder.js';

/** A record with more headers than this is handed over without any. */
export const MAX_HEADERS = 64;

/**
 * kafkajs 2.2.4 copies all headers read so far for each further one, which is quadratic: 10,000 of them, in a record of
 * 48 KB, stop the event loop for 16 s (measured), and again after each restart. A record's headers are the last thing in
 * its own buffer, so that leaving them unread harms nothing else. (`readVarIntArray` is used for headers alone.)
 */
export function repairHeaderFlood(): void {
  const readAll = Decoder.prototype.readVarIntArray;
  if (typeof readAll !== 'function') throw new Error('kafkajs has changed: Decoder.readVarIntArray is missing');
  Decoder.prototype.readVarIntArray = function readUnlessFlooded<T>(this: Decoder, read: (decoder: Decoder) => T): T[] {
    const length = this.readVarInt();
    if (length > MAX_HEADERS) return [];
    return Array.from({ length: Math.max(length, 0) }, () => read(this));
  };
}
