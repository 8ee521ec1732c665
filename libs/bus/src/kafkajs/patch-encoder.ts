import { Encoder } from './kafkajs.ts';
import { patchMethod } from './patch-method.ts';

/**
 * Avoids zero-filling. kafkajs 2.2.4 copies each request twice, behind its header and behind its size, into buffers that it has
 * zero-filled. The patch allocates them unfilled: only written bytes are sent.
 */
export function patchEncoder(): void {
  patchMethod(
    Encoder.prototype,
    'ensureAvailable',
    () =>
      function growWithoutZeros(this: Encoder, length): void {
        const needed = this.offset + length;
        if (needed <= this.buf.length) return;
        const grown = Buffer.allocUnsafe(Encoder.nextPowerOfTwo(needed));
        this.buf.copy(grown, 0, 0, this.offset);
        this.buf = grown;
      },
  );
}
