import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
// As a namespace: the services' bundles declare `createRequire` themselves.
import * as nodeModule from 'node:module';
import { dirname, join, relative } from 'node:path';
import { compileFunction } from 'node:vm';

/** The version that the patches are written for. */
const VERSION = '2.2.4';

/** SHA-256 of the sources of kafkajs 2.2.4 that the patches replace or rely on. */
const HASHES: Readonly<Record<string, string>> = {
  'src/broker/index.js': '9cbea8898528c439c213080f99d86974460114f81b5034c49aeb593a0337ca90',
  'src/cluster/index.js': '3831a6845e4e9fb0de73d5ff50a3695974fb8a927acde677c524fe1c362bd57d',
  'src/consumer/batch.js': '04ee8657247441599f200af5871ce6b3c4463abe941b97405502f8f5f683face',
  'src/consumer/consumerGroup.js': 'f3e461738585a8dc6574c647123a18afc732f81cdee4f9f7bb62e4aa1dffbfbb',
  'src/consumer/fetchManager.js': '9a07c96b6150d654ab47c3fe7f98a6ae9c3fc3fdf340ad8001d69dc25e3131d0',
  'src/consumer/index.js': 'cdf5b3d7c67364b2b55a5c491225c08318054b515e079fa3aa7b7d9f4d8d19dd',
  'src/consumer/offsetManager/index.js': 'bd1041968ae322324ebf64d2569308db19d24f70ee5dbb72c964b43bfe85c00e',
  'src/consumer/runner.js': 'fad3247df2e3ba483b94e014e5c5916fd72d7bdfc3b3dfccc5232b60da18306d',
  'src/index.js': '38d0022e448f0aaa72ad2ed16fac346a3dd3a2d28b64ca5395cb33a26c8a82e9',
  'src/network/requestQueue/index.js': 'b55986089c14f8f7bfc377922e2e65b3e4c1e7c7af2752d3b10a75dfe9e9260c',
  'src/network/requestQueue/socketRequest.js': 'dde28f8e26c6d17fe3383c60b2bfce27f4790ee4552ca7e73e78fdce30c6bf1d',
  'src/producer/groupMessagesPerPartition.js': 'ea72357721fbf67770b5e06b9bf4260faa1e60f3affb556bff2cc7892c1881fb',
  'src/protocol/decoder.js': '83c43fac8d6b8ef2dcf0dfe8bc4494e84c2c94d2b59fbe41a670505a5fcba41b',
  'src/protocol/encoder.js': '9977889e184a9e910e4f6098c36ec6a0ca36c183aa6ead0f24191b6aa1c9a777',
  'src/protocol/requests/fetch/index.js': 'b0961e16fca52023266570255c23e30cd770b3813bb5d75f879fe6b1609ea7c5',
  'src/protocol/requests/fetch/v11/response.js': '9cb972647500104e7d616edcb4856119f4a716664b64bbb1ee96c8f4f0a83eb6',
  'src/protocol/requests/produce/index.js': '789abc7e1c33a99e956f74a34f11b8de6f70be7722580a0f0dd05f67d998f45b',
};

/** The installed kafkajs is not the one that the patches are written for. The text names what differs. */
export class KafkajsDiffers extends Error {
  override readonly name = 'KafkajsDiffers';
  constructor(folder: string, difference: string) {
    super(`kafkajs in ${folder} ${difference}; install exactly kafkajs ${VERSION} for this package`);
  }
}

/** Loads a module of the copy by its path in the package: `src/broker/index.js`. */
export type LoadModule = (path: string) => unknown;

/** The folder of the kafkajs that is installed for this package. */
export const installedKafkajs = (): string =>
  dirname(nodeModule.createRequire(import.meta.url).resolve('kafkajs/package.json'));

/**
 * Opens a private copy of kafkajs: the same files, with module instances of their own. Patches of the copy do not touch the
 * kafkajs that other code of the process uses, also where both are loaded from one folder.
 *
 * @throws {KafkajsDiffers} where version or patched sources differ from kafkajs 2.2.4
 */
export const openPrivateKafkajs = (folder: string): LoadModule => {
  checkVersion(folder);
  for (const [path, hash] of Object.entries(HASHES)) checkSource(folder, path, hash);
  const modules = new Map<string, CommonJsModule>();
  const load = (file: string): unknown => {
    const known = modules.get(file);
    if (known !== undefined) return known.exports;
    const loaded: CommonJsModule = { exports: {} };
    modules.set(file, loaded);
    const source = readFileSync(file, 'utf8');
    if (file.endsWith('.json')) loaded.exports = JSON.parse(source);
    else run(source, file, loaded, (request) => loadRequired(folder, file, request, load));
    return loaded.exports;
  };
  return (path) => load(join(folder, path));
};

interface CommonJsModule {
  exports: unknown;
}

const checkVersion = (folder: string): void => {
  const { version }: { readonly version?: unknown } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  if (version !== VERSION) throw new KafkajsDiffers(folder, `has version ${String(version)}`);
};

const checkSource = (folder: string, path: string, hash: string): void => {
  const bytes = readOrNull(join(folder, path));
  if (bytes === null) throw new KafkajsDiffers(folder, `has no ${path}`);
  if (createHash('sha256').update(bytes).digest('hex') !== hash)
    throw new KafkajsDiffers(folder, `has another ${path} than the published one`);
};

const readOrNull = (file: string): Buffer | null => {
  try {
    return readFileSync(file);
  } catch {
    return null;
  }
};

/** As Node wraps a CommonJS module. */
const run = (source: string, file: string, loaded: CommonJsModule, require: (request: string) => unknown): void => {
  const parameters = ['exports', 'require', 'module', '__filename', '__dirname'];
  const execute: unknown = compileFunction(source, parameters, { filename: file });
  if (typeof execute !== 'function') throw new TypeError(`${file} was not compiled`);
  execute.call(loaded.exports, loaded.exports, require, loaded, file, dirname(file));
};

const nodeRequire = nodeModule.createRequire(import.meta.url);

/** kafkajs has no dependencies: what is not a builtin of Node is a file of its own. */
const loadRequired = (folder: string, from: string, request: string, load: (file: string) => unknown): unknown => {
  if (nodeModule.isBuiltin(request)) return nodeRequire(request);
  const target = join(dirname(from), request);
  const file = [target, `${target}.js`, `${target}.json`, join(target, 'index.js')].find(isFile);
  if (!request.startsWith('.') || file === undefined || relative(folder, file).startsWith('..'))
    throw new KafkajsDiffers(folder, `requires ${request}`);
  return load(file);
};

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
