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
import { openBus } from './command-context.ts';
import type { EnginesConfig } from './config.ts';
import { CliFailure } from './failure.ts';

/** Runs `use` with the engines table open for reading. */
export const withTable = <T>(config: EnginesConfig, use: (table: EngineTable) => Promise<T> | T): Promise<T> =>
  withParts(config, async (parts) => {
    const table = await followEngines(parts);
    try {
      return await use(table);
    } finally {
      await table.close();
    }
  });

/** Runs `use` with the engines table open for changes. */
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
  unknown_engine: 'unknown engine; npm run vault -- engines list prints the known ones',
  reserved_id: 'the id is reserved for the gateway; choose another',
  unknown_key: 'unknown key; npm run vault -- engines list prints the keys',
  retiring_exists:
    'two keys of this use are already usable; revoke the retiring one first (npm run vault -- engines revoke)',
  pending_exists: 'a key is already pending; revoke it first',
  no_pending_key: 'no key is pending',
  kid_taken: 'the random key id is already in use; run the command again',
  changed_meanwhile:
    'the engine was changed concurrently and this change was not applied; check it with npm run vault -- engines list, then run the command again',
};

/** The value of a successful change. Throws a `CliFailure` for a refusal. */
export const done = <T>(
  engine: string,
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: AdministrationRefusal },
): T => {
  if (result.ok) return result.value;
  throw new CliFailure(`${engine}: ${REFUSALS[result.reason]}`);
};

/** A service waits for its dependencies without limit; a person at a terminal does not. */
const START_LIMIT_MS = 30_000;

const withParts = async <T>(
  config: EnginesConfig,
  use: (parts: TableParts & { readonly codec: Awaited<ReturnType<typeof openCodec>> }) => Promise<T>,
): Promise<T> => {
  let waitingFor: PortUnavailable | RegistryUnavailable | undefined;
  const giveUp = new AbortController();
  const limit = setTimeout(() => giveUp.abort(waitingFor ?? new CliFailure(TOO_SLOW)), START_LIMIT_MS);
  try {
    return await use({
      bus: openBus(config.kafka),
      codec: await openCodec({
        registryUrl: config.registry.url,
        registryAccess: config.registry.access,
        types: ['EngineEntry'],
      }),
      topic: topicNames(config.kafka.topicPrefix).engines,
      wrapper: await openWrapper(config.key),
      environment: config.key.environment,
      // Refused entries are reported by `engines list`.
      onRefused: () => undefined,
      onWaiting: (_engine, error) => {
        waitingFor = error;
      },
      onFatal: (error) => giveUp.abort(error),
      signal: giveUp.signal,
    });
  } finally {
    clearTimeout(limit);
  }
};

const TOO_SLOW = `the engines table was not read within ${START_LIMIT_MS / 1000} s; check that Kafka is running`;
