import { Decoder } from './kafkajs.ts';
import { patchMethod } from './patch-method.ts';

/** A record with more headers than this arrives without headers. */
export const MAX_HEADERS = 64;

/**
 * Bounds the headers that are decoded for one record. kafkajs 2.2.4 decodes them in quadratic time, and the sender of a record
 * chooses their number. The headers end a record's own buffer, so leaving them unread affects nothing behind them.
 * kafkajs uses `readVarIntArray` for headers only.
 */
export function patchDecoder(): void {
  patchMethod(
    Decoder.prototype,
    'readVarIntArray',
    () =>
      function readHeadersUpToLimit<T>(this: Decoder, read: (decoder: Decoder) => T): T[] {
        const length = this.readVarInt();
        if (length > MAX_HEADERS) return [];
        return Array.from({ length: Math.max(length, 0) }, () => read(this));
      },
  );
}
