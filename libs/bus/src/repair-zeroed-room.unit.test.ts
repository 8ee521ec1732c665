import Encoder from 'kafkajs/src/protocol/encoder.js';
import { expect, it } from 'vitest';
import { repairZeroedRoom } from './repair-zeroed-room.ts';

it('writes what kafkajs writes, however often the room is too small', () => {
  const write = (): Buffer => {
    const inner = new Encoder();
    for (let at = 0; at < 500; at += 1) inner.writeString(`part ${at}`);
    return new Encoder(1).writeString('before').writeEncoder(inner).writeEncoder(inner).buffer;
  };
  const theirs = write();
  repairZeroedRoom();
  expect(write().equals(theirs)).toBe(true);
});

it('repairs once', () => {
  repairZeroedRoom();
  const { ensureAvailable } = Encoder.prototype;
  repairZeroedRoom();
  expect(Encoder.prototype.ensureAvailable).toBe(ensureAvailable);
});
