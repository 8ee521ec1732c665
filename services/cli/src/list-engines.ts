import type { Engine } from '@vault-engine/engines';
import type { CommandContext } from './command-context.ts';
import { rateText } from './policies.ts';
import { json } from './terminal.ts';
import { withTable } from './with-engines.ts';

/** The printed part of an engine's entry: without subkeys and digests. */
interface ListedEngine {
  readonly engine: string;
  readonly revision: number;
  readonly rate: Engine['open']['rate'];
  readonly grants: Engine['open']['grants'];
  readonly keys: readonly {
    readonly kid: string;
    readonly use: string;
    readonly state: string;
    readonly created_at: string;
  }[];
}

/** `engines list`. */
export const listEngines = async (
  { config, terminal }: CommandContext,
  options: { readonly json?: boolean },
): Promise<void> => {
  const { engines, overwritten } = await withTable(config.engines(), (table) => ({
    engines: table
      .all()
      .map(listed)
      .toSorted((a, b) => (a.engine < b.engine ? -1 : 1)),
    overwritten: table.overwritten().map(({ open }) => open.engine),
  }));
  if (options.json) terminal.out(json(engines));
  else if (engines.length === 0) terminal.out('no engines; npm run vault -- engines add creates one');
  else for (const engine of engines) terminal.out(describe(engine));
  for (const engine of overwritten)
    terminal.note(
      `warning: the last record of ${engine} on the topic was rejected (forged, outdated or a tombstone); find out who wrote it, then run npm run vault -- engines apply, which republishes the valid entry`,
    );
};

const listed = ({ open }: Engine): ListedEngine => ({
  engine: open.engine,
  revision: open.revision,
  rate: open.rate,
  grants: open.grants,
  keys: [...open.keys.values()].map(({ kid, use, state, createdAt }) => ({
    kid,
    use,
    state,
    created_at: new Date(createdAt).toISOString(),
  })),
});

const describe = (engine: ListedEngine): string => {
  const keys = engine.keys.map(
    ({ kid, use, state, created_at }) => `key ${kid} ${use.padEnd(5)} ${state.padEnd(8)} since ${created_at}`,
  );
  const grants = engine.grants.map(
    ({ operations, platforms }) => `may ${operations.join(', ')} on ${platforms.join(', ')}`,
  );
  return [`${engine.engine} (revision ${engine.revision}, ${rateText(engine)})`, ...keys, ...grants].join('\n  ');
};
