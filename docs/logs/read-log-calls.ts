import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One log message of the project. */
export interface LogMessage {
  readonly message: string;
  /** The levels that it is logged at; several where the call chooses one. */
  readonly levels: readonly string[];
  /** The services whose processes can log it. */
  readonly services: readonly string[];
}

interface LogCall {
  readonly message: string;
  readonly levels: readonly string[];
  readonly area: string;
}

/** `varies`: a variable holds the level. */
const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'varies'];
/** `log.warn('…'`, `log[refused ? 'fatal' : 'warn']('…'` and, in libs/bus and libs/client, `bus.log('warn', '…'`. */
const CALL =
  /\b(?:log(?:\.(?<level>\w+)|\[(?<chosen>[^\]]*)\])\(\s*|(?:\.log|#say|#log)\(\s*'(?<bus>\w+)',\s*)(?<message>'(?:[^'\\]|\\.)*'|[^\s,)]+)/g;

/**
 * Reads every log call in `libs/` and `services/`.
 *
 * @param root the repository's folder
 * @returns the messages, sorted; equal messages of several places are one
 * @throws Error where a call's message is no string literal: a reader could not grep it
 */
export const readLogMessages = (root: string): readonly LogMessage[] => {
  const services = servicesByArea(root);
  const byMessage = new Map<string, { levels: Set<string>; services: Set<string> }>();
  for (const { message, levels, area } of areasOf(root).flatMap((area) => callsIn(root, area))) {
    const known = byMessage.get(message) ?? { levels: new Set(), services: new Set() };
    for (const level of levels) known.levels.add(level);
    for (const service of services.get(area) ?? []) known.services.add(service);
    byMessage.set(message, known);
  }
  return [...byMessage]
    .map(([message, known]) => ({
      message,
      levels: LEVELS.filter((level) => known.levels.has(level)),
      services: [...known.services].sort(),
    }))
    .sort((a, b) => (a.message < b.message ? -1 : 1));
};

const areasOf = (root: string): string[] =>
  ['libs', 'services'].flatMap((kind) => readdirSync(join(root, kind)).map((name) => `${kind}/${name}`));

const callsIn = (root: string, area: string): LogCall[] =>
  sourcesIn(join(root, area, 'src')).flatMap((file) => {
    const text = withoutComments(readFileSync(file, 'utf8'));
    return [...text.matchAll(CALL)].flatMap(({ groups = {} }) => {
      const levels = levelsOf(groups);
      if (levels.length === 0) return [];
      const literal = groups['message'] ?? '';
      if (!literal.startsWith("'")) {
        // A parameter is handed through by a wrapper: its callers are read.
        if (literal === 'message') return [];
        throw new Error(`${file}: the message of a log call is no string literal: ${literal}`);
      }
      return [{ message: literal.slice(1, -1).replaceAll("\\'", "'"), levels, area }];
    });
  });

const levelsOf = ({ level, chosen, bus }: Readonly<Record<string, string | undefined>>): string[] =>
  chosen !== undefined && !chosen.includes("'")
    ? ['varies']
    : LEVELS.filter((name) => name === level || name === bus || chosen?.includes(`'${name}'`) === true);

const sourcesIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'testing' ? [] : sourcesIn(path);
    return /\.ts$/.test(entry.name) && !/test|\.d\.ts$/.test(entry.name) ? [path] : [];
  });

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');

/** A library's messages are those of each service that depends on it, directly or through other libraries. */
const servicesByArea = (root: string): ReadonlyMap<string, readonly string[]> => {
  const areas = areasOf(root);
  const uses = new Map(areas.map((area) => [area, dependenciesOf(root, area)]));
  const reach = (area: string, seen: Set<string>): Set<string> => {
    if (seen.has(area)) return seen;
    seen.add(area);
    for (const used of uses.get(area) ?? []) reach(used, seen);
    return seen;
  };
  const services = areas.filter((area) => area.startsWith('services/'));
  return new Map(
    areas.map((area) => [
      area,
      services.filter((service) => reach(service, new Set()).has(area)).map((service) => service.slice(9)),
    ]),
  );
};

const dependenciesOf = (root: string, area: string): string[] => {
  const { dependencies = {} } = JSON.parse(readFileSync(join(root, area, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>;
  };
  return Object.keys(dependencies)
    .filter((name) => name.startsWith('@vault-engine/'))
    .map((name) => `libs/${name.slice('@vault-engine/'.length)}`);
};
