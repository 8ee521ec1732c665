import { createPublisher } from '@vault-engine/bus';
import { openCodec, type RegistryUnavailable, topicNames } from '@vault-engine/contracts';
import {
  type AdministrationRefusal,
  administerEngines,
  type EngineAdministration,
  type EngineTable,
  followEngines,
  type TableParts,
} from '@vault-engine/engines';
import { openWrapper } from '@vault-engine/kms';
import type { PortUnavailable } from '@vault-engine/vault';
import type { EnginesConfig } from './config.ts';
import { CliFailure } from './failure.ts';
import { openBus } from './open-bus.ts';

/** Runs `use` with the table of engines open for reading. */
export const withTable = <T>(config: EnginesConfig, use: (table: EngineTable) => Promise<T> | T): Promise<T> =>
  withParts(config, async (parts) => {
    const table = await followEngines(parts);
    try {
      return await use(table);
    } finally {
      await table.close();
    }
  });

/** Runs `use` with the table of engines open for changes. */
export const withAdministration = <T>(
  config: EnginesConfig,
  use: (administration: EngineAdministration) => Promise<T>,
): Promise<T> =>
  withParts(config, async (parts) => {
    const publisher = createPublisher(parts.bus);
    const administration = await administerEngines({ ...parts, publisher, now: Date.now });
    try {
      return await use(administration);
    } finally {
      await administration.close();
      await publisher.close();
    }
  });

const REFUSALS: Readonly<Record<AdministrationRefusal, string>> = {
  unknown_engine: 'there is no such engine: npm run vault -- engines list names those that there are',
  reserved_id: "the id is the gateway's own: choose another",
  unknown_key: 'the engine has no such key: npm run vault -- engines list names its keys',
  retiring_exists:
    'two keys of this use are usable already: revoke the retiring one first (npm run vault -- engines revoke)',
  pending_exists: 'a key is pending already: revoke it first',
  no_pending_key: 'there is no pending key',
  kid_taken: 'the key id that was drawn is taken: run it again',
  changed_meanwhile:
    'somebody else changed the engine at the same time, and theirs stands: look at it, then run it again',
};

/** What an administration did. Throws `CliFailure` for what it refused. */
export const done = <T>(
  engine: string,
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: AdministrationRefusal },
): T => {
  if (result.ok) return result.value;
  throw new CliFailure(`${engine}: ${REFUSALS[result.reason]}`);
};

/** A person waits: a service would wait for its parts for ever. */
const START_LIMIT_MS = 30_000;

const withParts = async <T>(
  config: EnginesConfig,
  use: (parts: TableParts & { readonly codec: Awaited<ReturnType<typeof openCodec>> }) => Promise<T>,
): Promise<T> => {
  let waitsFor: PortUnavailable | RegistryUnavailable | undefined;
  const giveUp = new AbortController();
  const limit = setTimeout(() => giveUp.abort(waitsFor ?? new CliFailure(TOO_SLOW)), START_LIMIT_MS);
  try {
    return await use({
      bus: openBus(config.kafka),
      codec: await openCodec({ registryUrl: config.registry.url, types: ['EngineEntry'] }),
      topic: topicNames(config.kafka.topicPrefix).engines,
      wrapper: await openWrapper(config.key),
      environment: config.key.environment,
      // What is refused stays visible: `engines list` shows engines whose last message was.
      onRefused: () => undefined,
      onWaiting: (_engine, error) => {
        waitsFor = error;
      },
      onFatal: (error) => giveUp.abort(error),
      signal: giveUp.signal,
    });
  } finally {
    clearTimeout(limit);
  }
};

const TOO_SLOW = `the table of engines could not be read within ${START_LIMIT_MS / 1000} s; check Kafka`;
