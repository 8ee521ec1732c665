import { expect, it } from 'vitest';
import { Encoder } from './kafkajs.ts';
import { patchEncoder } from './patch-encoder.ts';

it('writes what kafkajs writes, however often the buffer grows', () => {
  const write = (): Buffer => {
    const inner = new Encoder();
    for (let at = 0; at < 500; at += 1) inner.writeString(`part ${at}`);
    return new Encoder(1).writeString('before').writeEncoder(inner).writeEncoder(inner).buffer;
  };
  const theirs = write();
  patchEncoder();
  expect(write().equals(theirs)).toBe(true);
});

it('is applied once', () => {
  patchEncoder();
  const { ensureAvailable } = Encoder.prototype;
  patchEncoder();
  expect(Encoder.prototype.ensureAvailable).toBe(ensureAvailable);
});
