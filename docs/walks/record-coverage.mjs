// Preloaded into each service (`node --import`): counts which functions of this project run between two signals. Plain JavaScript,
// because NODE_OPTIONS reaches the launcher too, which runs on Node 20.
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';

const SERVICE = /[/\\]services[/\\]([^/\\]+)[/\\]src[/\\]main\.ts$/;

/** Starts V8's precise coverage. @returns what has run since the last call, as `{file URL: [function names]}` */
export function recordCoverage() {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  return () => {
    let files = {};
    session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error) throw new Error(error.message);
      files = Object.fromEntries(
        answer.result
          .map(({ url, functions }) => [url, functions.filter(hasRun).map(({ functionName }) => functionName)])
          .filter(([url, names]) => url.startsWith('file:') && names.length > 0),
      );
    });
    return files;
  };
}

/** The module's own top level begins at 0 and runs once, at the start: it is no part of a walk. */
function hasRun({ ranges: [{ startOffset, count }] }) {
  return startOffset > 0 && count > 0;
}

const service = SERVICE.exec(process.argv[1] ?? '')?.[1];
const folder = process.env['VAULT_WALKS_FOLDER'];
if (service !== undefined && folder !== undefined) {
  const take = recordCoverage();
  let number = 0;
  process.on('SIGUSR2', () => {
    number += 1;
    write(`${folder}/${service}-${number}.json`, JSON.stringify(take()));
  });
  write(`${folder}/${service}.pid`, String(process.pid));
}

/** Written whole before it has its name: who waits for the file reads all of it. */
function write(path, text) {
  writeFileSync(`${path}.partial`, text);
  renameSync(`${path}.partial`, path);
}
