import Encoder from 'kafkajs/src/protocol/encoder.js';

/** Marks the method as repaired, so that a second call changes nothing. */
const repaired = new WeakSet<object>();

/**
 * kafkajs 2.2.4 copies each request twice, behind its header and behind its size, into room that it has filled with zeros before. This
 * leaves the zeros out: what is sent of the room is what was written to it.
 */
export function repairZeroedRoom(): void {
  const { ensureAvailable } = Encoder.prototype;
  if (repaired.has(ensureAvailable)) return;
  if (typeof ensureAvailable !== 'function') throw new Error('kafkajs has changed: Encoder.ensureAvailable is missing');
  Encoder.prototype.ensureAvailable = function growWithoutZeros(length): void {
    const wanted = this.offset + length;
    if (wanted <= this.buf.length) return;
    const room = Buffer.allocUnsafe(Encoder.nextPowerOfTwo(wanted));
    this.buf.copy(room, 0, 0, this.offset);
    this.buf = room;
  };
  repaired.add(Encoder.prototype.ensureAvailable);
}
