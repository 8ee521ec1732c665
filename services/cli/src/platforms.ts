import { createPublisher } from '@vault-engine/bus';
import { openCodec, topicNames } from '@vault-engine/contracts';
import {
  formatFaults,
  listUnverified,
  loadProfiles,
  openCatalog,
  openOutbound,
  type PlatformProfile,
  tokenUrls,
  type UnverifiedFact,
} from '@vault-engine/platforms';
import { comparePlatforms, type PlatformsParts, publishPlatforms } from '@vault-engine/state/projecting';
import { Command } from 'commander';
import { announcePlan, audited, confirmRemoval } from './audited-change.ts';
import { type CommandContext, openBus } from './command-context.ts';
import type { PlatformNamesConfig, PlatformsConfig } from './config.ts';
import { CliFailure, EXIT } from './failure.ts';
import { json, type Terminal } from './terminal.ts';

interface CheckOptions {
  readonly live?: boolean;
  readonly json?: boolean;
}

/** `platforms check` and `platforms apply`: the platform profiles, and their names on `vault.platforms`. */
export const addPlatforms = (program: Command, context: CommandContext): void => {
  const platforms = program.command('platforms').description('platform profiles and their published names');
  platforms
    .command('check')
    .description('report faults and unverified facts in the profiles; exit code 1 if there is a fault')
    .argument('[platforms...]', 'platform ids; default: all')
    .option('--live', 'open a TLS connection to each token host, without sending a request')
    .option('--json', 'print JSON')
    .action((names: readonly string[], options: CheckOptions) => check(context, names, options));
  platforms
    .command('apply')
    .description('publish the display names of all profiles; audited')
    .option('--remove', 'also remove platforms without a profile here')
    .option('--dry-run', 'print the changes without making them')
    .option('--yes', 'remove without asking')
    .option('--json', 'print JSON')
    .action((options: ApplyOptions) => apply(context, options));
};

/** The result of connecting to one token host: the address that answered, or the problem. */
interface ProbedHost {
  readonly platform: string;
  readonly host: string;
  readonly address: string | null;
  readonly problem: string | null;
}

interface Report {
  readonly platforms: readonly string[];
  readonly unverified: readonly UnverifiedFact[];
  /** Null without `--live`. */
  readonly hosts: readonly ProbedHost[] | null;
}

const check = async (
  { terminal, config, profilesFolder }: CommandContext,
  names: readonly string[],
  options: CheckOptions,
): Promise<void> => {
  const { profiles: settings } = config.platforms();
  const folders = [profilesFolder, ...settings.folders];
  const profiles = select(await load(folders, settings), names);
  const report: Report = {
    platforms: profiles.map(({ id }) => id),
    unverified: await unverifiedIn(folders, profiles),
    hosts: options.live ? await probeAll(profiles, settings) : null,
  };
  printReport(terminal, report, options);
  if (report.hosts?.some(({ problem }) => problem !== null)) throw new CliFailure('not every token host was reached');
};

type Settings = PlatformsConfig['profiles'];

const load = async (folders: readonly string[], settings: Settings): Promise<readonly PlatformProfile[]> => {
  const loaded = await loadProfiles(folders, settings);
  if (!loaded.ok) throw new CliFailure(`invalid platform profiles\n${formatFaults(loaded.faults)}`);
  return loaded.value.all();
};

const select = (profiles: readonly PlatformProfile[], names: readonly string[]): readonly PlatformProfile[] => {
  if (names.length === 0) return profiles;
  refuseUnknown(
    names,
    profiles.map(({ id }) => id),
  );
  return profiles.filter(({ id }) => names.includes(id));
};

const unverifiedIn = async (
  folders: readonly string[],
  profiles: readonly PlatformProfile[],
): Promise<readonly UnverifiedFact[]> => {
  const files = await listUnverified(folders);
  const wanted = files.filter(({ name, isFamily }) => !isFamily && profiles.some(({ id }) => id === name));
  const families = files.filter(({ name, isFamily }) => isFamily && wanted.some((file) => file.extends === name));
  return [...families, ...wanted].flatMap(({ unverified }) => unverified);
};

const probeAll = async (profiles: readonly PlatformProfile[], settings: Settings): Promise<readonly ProbedHost[]> => {
  const outbound = openOutbound(settings);
  const probe = async (platform: string, url: URL): Promise<ProbedHost> => {
    const probed = await outbound.probe(url);
    return probed.ok
      ? { platform, host: url.host, address: probed.value, problem: null }
      : { platform, host: url.host, address: null, problem: probed.reason };
  };
  try {
    return await Promise.all(profiles.flatMap((profile) => tokenUrls(profile).map((url) => probe(profile.id, url))));
  } finally {
    outbound.close();
  }
};

const printReport = (terminal: Terminal, report: Report, options: CheckOptions): void => {
  if (options.json) {
    terminal.out(json(report));
    return;
  }
  const { platforms, unverified, hosts } = report;
  for (const { file, line, key } of unverified) terminal.out(`${file}:${line} ${key}: unverified`);
  for (const { platform, host, address, problem } of hosts ?? [])
    terminal.out(`${platform}: ${host} ${problem === null ? `answers at ${address}` : `was not reached: ${problem}`}`);
  const profiles = platforms.length === 1 ? '1 profile is' : `${platforms.length} profiles are`;
  terminal.out(`${profiles} valid; unverified facts: ${unverified.length}`);
};

/**
 * Throws a `CliFailure` if a platform has no profile, with the nearest known id. The argument is not repeated: it may be a
 * secret, pasted by mistake.
 */
export const requireKnownPlatforms = async (
  { profilesFolder }: Pick<CommandContext, 'profilesFolder'>,
  settings: Settings,
  ids: readonly string[],
): Promise<void> => {
  const known = await load([profilesFolder, ...settings.folders], settings);
  refuseUnknown(
    ids,
    known.map(({ id }) => id),
  );
};

/** See {@link requireKnownPlatforms}. `known`: the ids of all profiles. */
export const refuseUnknown = (ids: readonly string[], known: readonly string[]): void => {
  const unknown = ids.filter((id) => id !== '*' && !known.includes(id));
  if (unknown.length === 0) return;
  const nearest = [...new Set(unknown.map((id) => nearestTo(id, known)).filter((id) => id !== null))];
  const hint = nearest.length === 0 ? `the platforms are ${known.join(', ')}` : `did you mean ${nearest.join(', ')}?`;
  throw new CliFailure(`unknown platform; ${hint}`, EXIT.usage);
};

/** commander suggests similar names for unknown commands only, so the ids are made commands of a program of their own. */
const nearestTo = (id: string, known: readonly string[]): string | null => {
  let message = '';
  const program = new Command().exitOverride().configureOutput({
    writeErr: (text) => {
      message = text;
    },
  });
  for (const name of known) program.command(name);
  try {
    program.parse([id], { from: 'user' });
  } catch {
    // The message is all that is wanted.
  }
  return /\(Did you mean (?:one of )?(.+)\?\)/.exec(message)?.[1] ?? null;
};

interface ApplyOptions {
  readonly remove?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const apply = async ({ terminal, config, profilesFolder }: CommandContext, options: ApplyOptions): Promise<void> => {
  const settings = config.platformNames();
  const catalog = await openCatalog([profilesFolder, ...settings.profiles.folders], settings.profiles);
  await withNames(settings, async (parts) => {
    const found = await comparePlatforms(parts, catalog.all());
    const removals = found.filter(({ change }) => change === 'removed');
    const changes = options.remove ? found : found.filter(({ change }) => change !== 'removed');
    const lines = changes.map(({ id, change }) => `${id}: ${change}`);
    if (!options.dryRun && changes.length > 0) {
      announcePlan(terminal, lines);
      if (options.remove && removals.length > 0)
        await confirmRemoval(
          terminal,
          `This removes ${removals.map(({ id }) => id).join(', ')} from the topic.`,
          options.yes,
        );
      await audited(settings, { action: 'platforms.apply', subject: lines.join(', ') }, { terminal }, () =>
        publishPlatforms(parts, catalog.all(), changes),
      );
    }
    if (options.json) terminal.out(json(changes));
    else if (changes.length === 0) terminal.out('the published platform names are up to date');
    else for (const line of lines) terminal.out(line);
    if (!options.remove && removals.length > 0)
      terminal.note(
        `without a profile here, and kept: ${removals.map(({ id }) => id).join(', ')}; --remove removes them`,
      );
  });
};

const withNames = async <T>(
  { kafka, registry }: PlatformNamesConfig,
  use: (parts: PlatformsParts) => Promise<T>,
): Promise<T> => {
  const codec = await openCodec({ registryUrl: registry.url, types: ['PlatformEntry'] });
  const bus = openBus(kafka);
  const publisher = createPublisher(bus);
  try {
    return await use({ bus, codec, publisher, topic: topicNames(kafka.topicPrefix).platforms });
  } finally {
    await publisher.close();
  }
};
