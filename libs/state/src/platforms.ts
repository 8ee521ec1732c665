import { type Bus, type BusRecord, type Publisher, readTopic } from '@vault-engine/bus';
import { type Codec, type Decoded, isRecord } from '@vault-engine/contracts';

/** A platform, as `vault.platforms` tells of it. */
export interface PlatformName {
  readonly id: string;
  readonly displayName: string;
}

/** One message of the platforms topic: a name, or that there is no such platform any more (null). */
export interface PlatformRecord {
  readonly id: string;
  readonly displayName: string | null;
}

/** What a message of the platforms topic says; null where it says nothing that can be read. Rejects with `RegistryUnavailable`. */
export const readPlatform = (
  codec: Pick<Codec, 'decode'>,
  { key, value }: BusRecord,
): PlatformRecord | null | Promise<PlatformRecord | null> => {
  const id = key?.toString() ?? '';
  if (value === null) return { id, displayName: null };
  const decoded = codec.decode(value);
  return decoded instanceof Promise ? decoded.then((late) => platformOf(id, late)) : platformOf(id, decoded);
};

const platformOf = (id: string, decoded: Decoded): PlatformRecord | null =>
  isRecord(decoded, 'PlatformEntry') && decoded.value.platform === id
    ? { id, displayName: decoded.value.display_name }
    : null;

/** With what the platforms are published. */
export interface PlatformsParts {
  readonly bus: Bus;
  readonly codec: Codec<'PlatformEntry'>;
  readonly publisher: Pick<Publisher, 'send'>;
  /** `vault.platforms`. */
  readonly topic: string;
}

/** What the topic had to be told. */
export interface PlatformChange {
  readonly id: string;
  readonly change: 'added' | 'renamed' | 'removed';
}

/** Makes the topic name these platforms and no others, and answers what that changed: nothing, the second time. */
export const applyPlatforms = async (
  parts: PlatformsParts,
  platforms: readonly PlatformName[],
): Promise<readonly PlatformChange[]> => {
  const there = await namesOn(parts);
  const due = new Map(platforms.map(({ id, displayName }) => [id, displayName]));
  const changes = [...new Set([...there.keys(), ...due.keys()])].sort().flatMap((id) => changeOf(id, there, due));
  for (const { id } of changes) await publish(parts, id, due.get(id));
  return changes;
};

/** Of a message that does not read, the name is unknown: then it is published anew. */
const namesOn = async ({ bus, codec, topic }: PlatformsParts): Promise<ReadonlyMap<string, string | null>> => {
  const names = new Map<string, string | null>();
  for await (const record of readTopic(bus, topic)) {
    const id = record.key?.toString() ?? '';
    if (record.value === null) names.delete(id);
    else names.set(id, (await readPlatform(codec, record))?.displayName ?? null);
  }
  return names;
};

const changeOf = (
  id: string,
  there: ReadonlyMap<string, string | null>,
  due: ReadonlyMap<string, string>,
): readonly PlatformChange[] => {
  if (there.get(id) === due.get(id)) return [];
  if (!due.has(id)) return [{ id, change: 'removed' }];
  return [{ id, change: there.has(id) ? 'renamed' : 'added' }];
};

const publish = async (
  { codec, publisher, topic }: PlatformsParts,
  id: string,
  displayName?: string,
): Promise<void> => {
  const value =
    displayName === undefined ? null : codec.encode('PlatformEntry', { platform: id, display_name: displayName });
  await publisher.send({ topic, key: Buffer.from(id), value });
};
