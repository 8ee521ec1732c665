import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = new URL('../', import.meta.url);

/** The files of this repository that a process loads when it imports the client SDK, by their paths. */
const loadedFiles = async (): Promise<readonly string[]> => {
  const script = `
    import { registerHooks } from 'node:module';
    const urls = [];
    registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context); } });
    await import('@vault-engine/client');
    console.log(JSON.stringify(urls));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: fileURLToPath(root),
  });
  const urls: readonly string[] = JSON.parse(stdout);
  return urls
    .filter((url) => url.startsWith(root.href) && !url.includes('/node_modules/'))
    .map((url) => url.slice(root.href.length));
};

test('importing the client loads at most 90 files of the repository, and no code of the server', async () => {
  const files = await loadedFiles();
  expect(files).toContain('libs/client/src/index.ts');
  expect(files.filter((file) => !/^libs\/(bus|client|contracts|crypto|model|protocol|state)\//.test(file))).toEqual([]);
  expect(files.length).toBeLessThanOrEqual(90);
});
