import {
  formatFaults,
  listUnverified,
  loadProfiles,
  openOutbound,
  type PlatformProfile,
  tokenUrls,
  type UnverifiedFact,
} from '@vault-engine/platforms';
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import type { PlatformsConfig } from './config.ts';
import { CliFailure, EXIT } from './failure.ts';
import { json, type Terminal } from './terminal.ts';

interface CheckOptions {
  readonly live?: boolean;
  readonly json?: boolean;
}

/** A token host, and the address that it was reached at, or why it was not. */
interface ProbedHost {
  readonly platform: string;
  readonly host: string;
  readonly address: string | null;
  readonly problem: string | null;
}

interface Report {
  readonly platforms: readonly string[];
  readonly unverified: readonly UnverifiedFact[];
  /** Null: nobody asked. */
  readonly hosts: readonly ProbedHost[] | null;
}

/** `platforms check`: whether the profiles are right in themselves, what in them is unverified, whether hosts answer. */
export const addCheck = (platforms: Command, { terminal, config, profilesFolder }: CommandContext): void => {
  platforms
    .command('check [platforms...]')
    .description('name what is wrong in the profiles and what is unverified; exit code 1 where something is wrong')
    .option('--live', 'connect to the token hosts, TLS included, and send nothing')
    .option('--json', 'as JSON')
    .action(async (names: readonly string[], options: CheckOptions) => {
      const { profiles: settings } = config.platforms();
      const folders = [profilesFolder, ...settings.folders];
      const profiles = chosen(await load(folders, settings), names);
      const report: Report = {
        platforms: profiles.map(({ id }) => id),
        unverified: await unverifiedIn(folders, profiles),
        hosts: options.live ? await probeAll(profiles, settings) : null,
      };
      tell(terminal, report, options);
      if (report.hosts?.some(({ problem }) => problem !== null))
        throw new CliFailure('not every token host was reached');
    });
};

type Settings = PlatformsConfig['profiles'];

const load = async (folders: readonly string[], settings: Settings): Promise<readonly PlatformProfile[]> => {
  const loaded = await loadProfiles(folders, settings);
  if (!loaded.ok) throw new CliFailure(`the profiles are faulty\n${formatFaults(loaded.faults)}`);
  return loaded.value.all();
};

const chosen = (profiles: readonly PlatformProfile[], names: readonly string[]): readonly PlatformProfile[] => {
  if (names.length === 0) return profiles;
  // What was typed is not repeated: it may be a secret, given by mistake.
  if (!names.every((name) => profiles.some(({ id }) => id === name)))
    throw new CliFailure('there is no profile for one of those platforms', EXIT.usage);
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

const tell = (terminal: Terminal, report: Report, options: CheckOptions): void => {
  if (options.json) {
    terminal.out(json(report));
    return;
  }
  const { platforms, unverified, hosts } = report;
  for (const { file, line, key } of unverified) terminal.out(`${file}:${line} ${key}: unverified`);
  for (const { platform, host, address, problem } of hosts ?? [])
    terminal.out(`${platform}: ${host} ${problem === null ? `answers at ${address}` : `was not reached: ${problem}`}`);
  const profiles = platforms.length === 1 ? '1 profile is' : `${platforms.length} profiles are`;
  terminal.out(`${profiles} in order; unverified facts: ${unverified.length}`);
};
