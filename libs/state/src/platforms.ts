import { type Bus, type Publisher, readTopic } from '@vault-engine/bus';
import type { Codec } from '@vault-engine/contracts';
import { readPlatform } from './read-state.ts';

/** A platform as published on `vault.platforms`. */
export interface PlatformName {
  readonly id: string;
  readonly displayName: string;
}

/** The dependencies of {@link applyPlatforms}. */
export interface PlatformsParts {
  readonly bus: Bus;
  readonly codec: Codec<'PlatformEntry'>;
  readonly publisher: Pick<Publisher, 'send'>;
  /** `vault.platforms`. */
  readonly topic: string;
}

/** One change that was published. */
export interface PlatformChange {
  readonly id: string;
  readonly change: 'added' | 'renamed' | 'removed';
}

/** Publishes exactly these platforms and returns the changes. A second call with the same platforms changes nothing. */
export const applyPlatforms = async (
  parts: PlatformsParts,
  platforms: readonly PlatformName[],
): Promise<readonly PlatformChange[]> => {
  const changes = await comparePlatforms(parts, platforms);
  await publishPlatforms(parts, platforms, changes);
  return changes;
};

/** Returns the changes that {@link applyPlatforms} would publish. */
export const comparePlatforms = async (
  parts: Pick<PlatformsParts, 'bus' | 'codec' | 'topic'>,
  platforms: readonly PlatformName[],
): Promise<readonly PlatformChange[]> => {
  const there = await namesOn(parts);
  const due = new Map(platforms.map(({ id, displayName }) => [id, displayName]));
  return [...new Set([...there.keys(), ...due.keys()])].sort().flatMap((id) => changeOf(id, there, due));
};

/** Publishes these changes, some or all of those that {@link comparePlatforms} found for `platforms`. */
export const publishPlatforms = async (
  parts: PlatformsParts,
  platforms: readonly PlatformName[],
  changes: readonly PlatformChange[],
): Promise<void> => {
  const due = new Map(platforms.map(({ id, displayName }) => [id, displayName]));
  for (const { id } of changes) await publish(parts, id, due.get(id));
};

/** The names on the topic. An unreadable record gives a null name, so the platform is republished. */
const namesOn = async ({
  bus,
  codec,
  topic,
}: Pick<PlatformsParts, 'bus' | 'codec' | 'topic'>): Promise<ReadonlyMap<string, string | null>> => {
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
