import { randomBytes } from 'node:crypto';
import type { BranchKeyStore, KeyContext, KeyWrapper, WrappedBranchKey } from '@vault-engine/vault';
import { InvalidWrappedKey } from '../key-context.ts';

/** A wrapper with a table of wrapped keys. Counts unwraps, and can wait or fail. */
export const createFakeWrapper = () => {
  const wrappings = new Map<string, { bytes: Buffer; context: string }>();
  const returned: Buffer[] = [];
  const fake = { unwraps: 0, returned, gate: Promise.resolve(), failure: null as Error | null };
  const copyOf = (bytes: Buffer) => {
    const copy = Buffer.from(bytes);
    returned.push(copy);
    return copy;
  };
  const wrapper: KeyWrapper = {
    id: 'fake',
    generate: async (context: KeyContext) => {
      const wrapped = randomBytes(16);
      const bytes = randomBytes(32);
      wrappings.set(wrapped.toString('hex'), { bytes, context: JSON.stringify(context) });
      return { plaintext: copyOf(bytes), wrapped };
    },
    unwrap: async (wrapped, context) => {
      fake.unwraps += 1;
      await fake.gate;
      if (fake.failure) throw fake.failure;
      const found = wrappings.get(wrapped.toString('hex'));
      if (found?.context !== JSON.stringify(context)) throw new InvalidWrappedKey();
      return copyOf(found.bytes);
    },
  };
  return { fake, wrapper };
};

/** A store of branch keys in a Map. Counts reads. */
export const createFakeBranchKeyStore = () => {
  const stored = new Map<string, WrappedBranchKey>();
  const fake = { stored, reads: 0, failure: null as Error | null };
  const read = <T>(found: T): T => {
    fake.reads += 1;
    if (fake.failure) throw fake.failure;
    return found;
  };
  const store: BranchKeyStore = {
    readBranchKey: async (branch, version) => read(stored.get(`${branch}:${version}`) ?? null),
    activeBranchKey: async (branch) =>
      read(
        [...stored.values()]
          .filter((key) => key.branch === branch)
          .sort((left, right) => right.version - left.version)[0] ?? null,
      ),
    addBranchKey: async (key) => {
      const name = `${key.branch}:${key.version}`;
      const kept = stored.get(name) ?? key;
      stored.set(name, kept);
      return kept;
    },
  };
  return { fake, store };
};
