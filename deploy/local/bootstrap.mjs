// The first file that runs, before any package is installed: plain JavaScript for Node 20 and newer. It installs the packages of
// package-lock.json if they differ, then starts Node 24, which runs the TypeScript sources.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const entries = {
  start: 'deploy/development/src/start.ts',
  test: 'deploy/local/src/test.ts',
  verify: 'deploy/local/src/verify.ts',
  bench: 'test/bench/bench.ts',
  soak: 'test/soak/soak.ts',
};

process.exitCode = await main(process.argv[2], process.argv.slice(3));

async function main(task, args) {
  const entry = Object.hasOwn(entries, task) ? entries[task] : undefined;
  if (!entry) return fail(`usage: node deploy/local/bootstrap.mjs ${Object.keys(entries).join('|')}`);
  if (major(process.versions.node) < 20) {
    return fail(`Node ${process.versions.node} is too old: install Node 24 (https://nodejs.org)`);
  }
  if (!packagesAreInstalled() && !(await installPackages())) return fail('npm ci failed; see its output above');
  const node = findNode24();
  if (!node) {
    return fail(
      `Node ${process.versions.node} is too old for this platform (${process.platform}): install Node 24 or newer`,
    );
  }
  return runToEnd(node, [`${root}${entry}`, ...args]);
}

/** Compares package-lock.json with node_modules/.package-lock.json, in which npm records the installed packages. */
function packagesAreInstalled() {
  const wanted = readLock('package-lock.json');
  const installed = readLock('node_modules/.package-lock.json');
  const places = Object.entries(wanted).filter(([place]) => place.startsWith('node_modules/'));
  return places.every(([place, { version, link, optional }]) => {
    const present = installed[place];
    // An optional package for another platform is not installed.
    return present ? present.version === version && present.link === link : optional === true;
  });
}

function readLock(file) {
  try {
    return JSON.parse(readFileSync(`${root}${file}`, 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

async function installPackages() {
  const started = Date.now();
  const say = (what) => console.log(`packages: npm ci ${what} ${Math.round((Date.now() - started) / 1000)} s`);
  console.log('packages: npm ci …');
  const timer = setInterval(() => say('…'), 5_000);
  const npm = npmCommand();
  const code = await runToEnd(npm[0], [
    ...npm.slice(1),
    'ci',
    '--include=dev',
    '--include=optional',
    '--loglevel=error',
  ]);
  clearInterval(timer);
  if (code === 0) say('done in');
  return code === 0;
}

/** The npm that started this process, else the one on the PATH. */
function npmCommand() {
  const running = process.env.npm_execpath;
  return running?.endsWith('npm-cli.js') ? [process.execPath, running] : ['npm'];
}

/** The running Node if it is version 24 or newer, else the one from the optional packages. */
function findNode24() {
  if (major(process.versions.node) >= 24) return process.execPath;
  const own = `${root}node_modules/.bin/node`;
  if (!existsSync(own)) return undefined;
  const answer = spawnSync(own, ['--version'], { encoding: 'utf8' });
  return answer.status === 0 && major(answer.stdout.slice(1)) >= 24 ? own : undefined;
}

function major(version) {
  return Number.parseInt(version, 10);
}

/**
 * Runs a program in place of this process: forwards signals, and returns its exit code. Descriptor 3 is a pipe that closes when
 * this process ends in any way, SIGKILL included; the program ends on that.
 */
function runToEnd(command, args) {
  const env = {
    ...process.env,
    PATH: `${root}node_modules/.bin:${process.env.PATH ?? ''}`,
    VAULT_STARTED_BY_BOOTSTRAP: '1',
  };
  const child = spawn(command, args, { cwd: root, env, stdio: ['inherit', 'inherit', 'inherit', 'pipe'] });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const npmWatch = onNpmEnd(() => child.kill('SIGTERM'));
  return new Promise((resolve) => {
    const end = (code) => {
      clearInterval(npmWatch);
      resolve(code);
    };
    child.once('error', (error) => end(fail(`${command}: ${error.message}`)));
    child.once('exit', (code, signal) => end(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

/** npm forwards signals except its own SIGKILL. After that, this process has another parent. */
function onNpmEnd(act) {
  if (!process.env.npm_lifecycle_event) return undefined;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    act();
  }, 500);
  return timer;
}

function fail(line) {
  console.error(line);
  return 1;
}
