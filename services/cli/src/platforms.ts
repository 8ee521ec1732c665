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
import { applyPlatforms, type PlatformChange, type PlatformName } from '@vault-engine/state/projecting';
import type { Command } from 'commander';
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
    .description('publish the display names of all profiles, and remove platforms without a profile')
    .option('--json', 'print JSON')
    .action((options: { readonly json?: boolean }) => apply(context, options));
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
  // The argument is not repeated: it may be a secret, pasted by mistake.
  if (!names.every((name) => profiles.some(({ id }) => id === name)))
    throw new CliFailure('there is no profile for one of these platforms', EXIT.usage);
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

const apply = async (
  { terminal, config, profilesFolder }: CommandContext,
  options: { readonly json?: boolean },
): Promise<void> => {
  const settings = config.platformNames();
  const catalog = await openCatalog([profilesFolder, ...settings.profiles.folders], settings.profiles);
  const changes = await publishNames(settings, catalog.all());
  if (options.json) terminal.out(json(changes));
  else if (changes.length === 0) terminal.out('the published platform names are up to date');
  else for (const { id, change } of changes) terminal.out(`${id}: ${change}`);
};

const publishNames = async (
  { kafka, registry }: PlatformNamesConfig,
  platforms: readonly PlatformName[],
): Promise<readonly PlatformChange[]> => {
  const codec = await openCodec({
    registryUrl: registry.url,
    registryAccess: registry.access,
    types: ['PlatformEntry'],
  });
  const bus = openBus(kafka);
  const publisher = createPublisher(bus);
  try {
    return await applyPlatforms({ bus, codec, publisher, topic: topicNames(kafka.topicPrefix).platforms }, platforms);
  } finally {
    await publisher.close();
  }
};
