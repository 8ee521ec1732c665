import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../', import.meta.url));

const refused: readonly [file: string, imported: string][] = [
  ['libs/audit/src/planted.ts', 'kafkajs'],
  ['libs/audit/src/planted.int.test.ts', 'kafkajs'],
  ['services/gateway/src/planted.ts', 'kafkajs'],
  ['services/refresh-scheduler/src/planted.ts', 'kafkajs'],
  ['deploy/local/src/planted.ts', 'kafkajs'],
  ['libs/vault/src/planted.ts', 'ioredis'],
  ['libs/vault/src/planted.ts', 'node:fs'],
  ['libs/vault/src/planted.ts', '@vault-engine/bus'],
  ['libs/model/src/planted.ts', 'node:crypto'],
  ['libs/model/src/planted.ts', '@vault-engine/crypto'],
  ['libs/crypto/src/planted.ts', 'node:fs'],
  ['libs/crypto/src/planted.ts', 'zod'],
  ['libs/token-store/src/redis/planted.ts', '@vault-engine/crypto/plaintext'],
  ['libs/bus/src/planted.ts', '@vault-engine/crypto/plaintext'],
  ['services/cli/src/planted.ts', '@vault-engine/crypto/plaintext'],
  ['services/status-projector/src/planted.ts', '@vault-engine/crypto/plaintext'],
  ['libs/state/src/planted.ts', '@vault-engine/crypto/plaintext'],
  ['libs/assembly/src/planted.ts', '@vault-engine/crypto/plaintext'],
  ['services/insights/src/planted.ts', '@vault-engine/crypto/plaintext'],
];

const allowed: readonly [file: string, imported: string][] = [
  ['libs/bus/src/planted.ts', 'kafkajs'],
  ['libs/bus/src/planted.int.test.ts', 'kafkajs'],
  ['test/world/src/planted.ts', 'kafkajs'],
  ['libs/vault/src/planted.ts', '@vault-engine/crypto/plaintext'],
  ['libs/vault/src/planted.ts', './ports.ts'],
  ['libs/vault/src/planted.ts', '@vault-engine/model'],
  ['libs/crypto/src/planted.ts', 'node:crypto'],
  ['services/gateway/src/planted.ts', '@vault-engine/crypto/plaintext'],
  ['services/refresh-scheduler/src/planted.ts', '@vault-engine/crypto/plaintext'],
  ['libs/audit/src/planted.int.test.ts', '@vault-engine/crypto/plaintext'],
];

test('each planted violation is reported, and nothing that is allowed', async () => {
  const files = [...refused, ...allowed].map(([file, imported], number) => ({
    file: numbered(file, number),
    imported,
  }));
  const reported = await lintElsewhere(files);
  expect(reported.sort()).toEqual(refused.map(([file], number) => numbered(file, number)).sort());
});

function numbered(file: string, number: number): string {
  return file.replace('planted', `planted-${number}`);
}

/** Lints the planted files in a folder of their own under this workspace's rules. @returns the files that broke one */
async function lintElsewhere(files: readonly { file: string; imported: string }[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'vault-engine-lint-'));
  try {
    copyFileSync(`${root}biome.json`, join(folder, 'biome.json'));
    for (const { file, imported } of files) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), `export { thing } from '${imported}';\n`);
    }
    const report = await biomeReport(folder);
    return report.diagnostics.map((diagnostic) => diagnostic.location.path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type BiomeReport = { readonly diagnostics: readonly { readonly location: { readonly path: string } }[] };

function biomeReport(folder: string): Promise<BiomeReport> {
  const args = [
    'lint',
    '--vcs-enabled=false',
    '--only=style/noRestrictedImports',
    '--reporter=json',
    '--max-diagnostics=none',
    '.',
  ];
  return new Promise((resolve) => {
    // It exits with 1 when it reports something: the report tells, not the code.
    execFile(`${root}node_modules/.bin/biome`, args, { cwd: folder }, (_error, output) => resolve(JSON.parse(output)));
  });
}

// With it, importing what is not declared is a lint error, and a path into another package one of the type check.
test('no package depends on a service, and no service on what only tests and the launcher use', () => {
  const packages = ['libs', 'services', 'deploy', 'test'].flatMap(packagesIn);
  const services = packages.filter(({ folder }) => folder.startsWith('services/')).map(({ name }) => name);
  expect(services.length).toBeGreaterThan(0);
  for (const { folder, name, dependencies } of packages) {
    const forbidden = folder.startsWith('test') || folder.startsWith('deploy') ? services : [...services, ...testOnly];
    expect({ name, forbidden: forbidden.filter((other) => dependencies.includes(other)) }).toEqual({
      name,
      forbidden: [],
    });
  }
});

const testOnly = ['@vault-engine/authorization-server', '@vault-engine/local', '@vault-engine/world'];

function packagesIn(area: string): { folder: string; name: string; dependencies: string[] }[] {
  const folders = [area, ...readdirSync(`${root}${area}`).map((entry) => `${area}/${entry}`)];
  return folders
    .filter((folder) => existsSync(`${root}${folder}/package.json`))
    .map((folder) => {
      const { name, dependencies = {} } = JSON.parse(readFileSync(`${root}${folder}/package.json`, 'utf8'));
      return { folder, name, dependencies: Object.keys(dependencies) };
    });
}

test('what an engine imports holds nothing of the server: the client reaches neither the domain nor a store', () => {
  const closure = [...closureOf('libs/client/src/index.ts')];
  expect(closure).toContain('libs/model/src/status.ts');
  expect(closure.filter((file) => /^(libs\/(vault|token-store|platforms|kms)|services)\//.test(file))).toEqual([]);
});

const IMPORT = /(?:from|import)\s*\(?'((?:\.{1,2}\/|@vault-engine\/)[^']+)'/g;

/** All files of this workspace that a file imports, types included, itself among them. */
function closureOf(file: string, known = new Set<string>()): ReadonlySet<string> {
  if (known.has(file)) return known;
  known.add(file);
  for (const [, specifier = ''] of readFileSync(`${root}${file}`, 'utf8').matchAll(IMPORT))
    closureOf(specifier.startsWith('.') ? join(dirname(file), specifier) : entryOf(specifier), known);
  return known;
}

/** The file behind `@vault-engine/<package>` or one of its sub-paths. */
function entryOf(specifier: string): string {
  const [, name = '', ...path] = specifier.split('/');
  const { exports } = JSON.parse(readFileSync(`${root}libs/${name}/package.json`, 'utf8'));
  return join('libs', name, exports[path.length === 0 ? '.' : `./${path.join('/')}`]);
}
