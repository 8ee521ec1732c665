import { PortUnavailable } from '@vault-engine/vault';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidWrappedKey } from './key-context.ts';
import { exactContextContract, keyWrapperContract, type OpenWrapper } from './key-wrapper-contract.ts';
import { type KmsDouble, type Misbehaviour, openKmsDouble } from './kms-double.ts';
import { type KmsWrapperOptions, openKmsWrapper } from './open-kms-wrapper.ts';

const wrapperOn = (double: KmsDouble, options: Partial<KmsWrapperOptions> = {}) =>
  openKmsWrapper({
    keyId: 'key-1',
    region: 'us-east-1',
    endpoint: double.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    attemptTimeoutMs: 250,
    ...options,
  });

const open: OpenWrapper = async () => {
  const double = await openKmsDouble();
  const wrapper = wrapperOn(double, { attemptTimeoutMs: 5000 });
  return {
    wrapper,
    close: async () => {
      wrapper.close();
      await double.close();
    },
  };
};

keyWrapperContract('KMS with exact contexts', open);
exactContextContract('KMS with exact contexts', open);

describe('a KMS that fails', () => {
  const context = { a: 'b' };
  let double: KmsDouble;
  beforeEach(async () => {
    double = await openKmsDouble();
  });
  afterEach(() => double.close());

  const misbehave = (...misbehaviours: readonly Misbehaviour[]) => double.misbehaviours.push(...misbehaviours);

  it.each(['throttle', 'fail', 'cut', 'hang'] as const)('is retried after one %s', async (misbehaviour) => {
    misbehave(misbehaviour);
    const wrapper = wrapperOn(double);
    expect((await wrapper.generate(context)).plaintext).toHaveLength(32);
    expect(double.requests()).toBe(2);
    wrapper.close();
  });

  it.each([
    ['throttle', 'ThrottlingException'],
    ['fail', 'KMSInternalException'],
    ['hang', 'TimeoutError'],
  ] as const)('is unavailable after three attempts that %s', async (misbehaviour, name) => {
    misbehave(misbehaviour, misbehaviour, misbehaviour);
    const wrapper = wrapperOn(double);
    const asking = wrapper.unwrap(Buffer.alloc(64), context);
    await expect(asking).rejects.toMatchObject({
      name: 'PortUnavailable',
      port: 'keys',
      message: `KMS Decrypt: ${name}`,
    });
    expect(double.requests()).toBe(3);
    wrapper.close();
  });

  it('is unavailable after the total time limit, however many attempts are left', async () => {
    misbehave('hang', 'hang', 'hang');
    const wrapper = wrapperOn(double, { attemptTimeoutMs: 10_000, totalTimeoutMs: 200 });
    await expect(wrapper.generate(context)).rejects.toBeInstanceOf(PortUnavailable);
    wrapper.close();
  });

  it('is unavailable when nothing listens', async () => {
    const wrapper = wrapperOn(double);
    await double.close();
    await expect(wrapper.generate(context)).rejects.toBeInstanceOf(PortUnavailable);
    wrapper.close();
    double = await openKmsDouble();
  });

  it('is unavailable when it returns no key', async () => {
    misbehave('garbage', 'garbage');
    const wrapper = wrapperOn(double);
    await expect(wrapper.generate(context)).rejects.toBeInstanceOf(PortUnavailable);
    await expect(wrapper.unwrap(Buffer.alloc(64), context)).rejects.toBeInstanceOf(PortUnavailable);
    wrapper.close();
  });

  it('is unavailable while its key is disabled, and unwraps again once the key is enabled', async () => {
    const wrapper = wrapperOn(double);
    const { plaintext, wrapped } = await wrapper.generate(context);
    double.keys.set('key-1', 'Disabled');
    await expect(wrapper.unwrap(wrapped, context)).rejects.toMatchObject({
      port: 'keys',
      message: 'KMS Decrypt: DisabledException',
    });
    double.keys.set('key-1', 'Enabled');
    expect(await wrapper.unwrap(wrapped, context)).toEqual(plaintext);
    wrapper.close();
  });

  it.each([
    ['a changed key', 'key_changed', (kms: KmsDouble) => kms.keys.set('key-2', 'Enabled')],
    ['a disabled key', 'key_disabled', (kms: KmsDouble) => kms.keys.set('key-2', 'Disabled')],
    ['a key without permission', 'key_not_permitted', (kms: KmsDouble) => kms.keys.set('key-2', 'Denied')],
    ['a key pending deletion', 'key_unusable', (kms: KmsDouble) => kms.keys.set('key-2', 'PendingDeletion')],
    ['a missing key', 'key_not_found', (kms: KmsDouble) => kms.keys.delete('key-2')],
  ])('is unavailable for %s, with the reason, and the bytes do not count as damaged', async (_, reason, change) => {
    const [before, after] = [wrapperOn(double), wrapperOn(double, { keyId: 'key-2' })];
    const { wrapped } = await before.generate(context);
    change(double);
    await expect(after.unwrap(wrapped, context)).rejects.toMatchObject({
      name: 'PortUnavailable',
      port: 'keys',
      reason,
    });
    for (const wrapper of [before, after]) wrapper.close();
  });

  it('unwraps under a former key and wraps under the present one', async () => {
    double.keys.set('key-2', 'Enabled');
    const before = wrapperOn(double);
    const after = wrapperOn(double, { keyId: 'key-2', formerKeyIds: ['key-0', 'key-1'] });
    const old = await before.generate(context);
    expect(await after.unwrap(old.wrapped, context)).toEqual(old.plaintext);
    const next = await after.generate(context);
    double.keys.delete('key-1');
    expect(await after.unwrap(next.wrapped, context)).toEqual(next.plaintext);
    for (const wrapper of [before, after]) wrapper.close();
  });

  it('names the fault of the key that is disabled rather than that another key does not match', async () => {
    double.keys.set('key-2', 'Enabled');
    const [before, after] = [wrapperOn(double), wrapperOn(double, { keyId: 'key-2', formerKeyIds: ['key-1'] })];
    const { wrapped } = await before.generate(context);
    double.keys.set('key-1', 'Disabled');
    await expect(after.unwrap(wrapped, context)).rejects.toMatchObject({ reason: 'key_disabled' });
    for (const wrapper of [before, after]) wrapper.close();
  });

  it('rejects damaged bytes and another context as invalid, also with former keys', async () => {
    double.keys.set('key-2', 'Enabled');
    const [before, after] = [wrapperOn(double), wrapperOn(double, { keyId: 'key-2', formerKeyIds: ['key-1'] })];
    const { wrapped } = await before.generate(context);
    await expect(after.unwrap(wrapped, { a: 'c' })).rejects.toBeInstanceOf(InvalidWrappedKey);
    await expect(after.unwrap(Buffer.alloc(64), context)).rejects.toBeInstanceOf(InvalidWrappedKey);
    for (const wrapper of [before, after]) wrapper.close();
  });

  it('does not try a former key while the service throttles', async () => {
    const wrapper = wrapperOn(double, { formerKeyIds: ['key-0'] });
    misbehave('throttle', 'throttle', 'throttle');
    await expect(wrapper.unwrap(Buffer.alloc(64), context)).rejects.toMatchObject({
      message: 'KMS Decrypt: ThrottlingException',
      reason: null,
    });
    expect(double.requests()).toBe(3);
    wrapper.close();
  });

  it('reuses its connection', async () => {
    const wrapper = wrapperOn(double);
    for (let round = 0; round < 5; round += 1) await wrapper.generate(context);
    expect(double.connections()).toBe(1);
    wrapper.close();
  });
});
