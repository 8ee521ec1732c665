import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';

const SERVICE = fileURLToPath(new URL('./service-under-test.ts', import.meta.url));
const LIMIT = { timeout: 10_000, interval: 10 };
const running = new Set<ChildProcess>();

/** Starts the service of `service-under-test.ts` as a process of its own. */
const run = (behaviour: string, env: Readonly<Record<string, string>> = {}) => {
  const child = spawn(process.execPath, [SERVICE, behaviour], {
    env: { PATH: process.env['PATH'], VAULT_ENV: 'development', VAULT_METRICS_PORT: '0', ...env },
  });
  running.add(child);
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.err += chunk.toString();
  });
  const lines = (): { message: string; [field: string]: unknown }[] =>
    output.out
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line));
  const messages = () => lines().map(({ message }) => message);
  const said = (message: string) => vi.waitUntil(() => messages().includes(message), LIMIT);
  const exit = once(child, 'exit').then(([code]) => {
    running.delete(child);
    return code;
  });
  return { child, output, lines, messages, said, exit };
};

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

describe('a service', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops its parts in reverse on %s and exits with 0', async (signal) => {
    const service = run('ordinary');
    await service.said('started');
    service.child.kill(signal);
    expect(await service.exit).toBe(0);
    expect(service.messages().slice(-4)).toEqual([
      'stop signal received',
      'closing second',
      'closing first',
      'stopped',
    ]);
  });

  it('answers ready over HTTP when it has started', async () => {
    const service = run('ordinary');
    await service.said('started');
    const address = service.lines().find(({ message }) => message === 'starting')?.['address'];
    expect((await fetch(`${address}/readyz`)).status).toBe(200);
    service.child.kill('SIGTERM');
    await service.exit;
  });

  it('is unready while a part does not answer, and can be stopped meanwhile', async () => {
    const service = run('waiting');
    await service.said('part unavailable');
    const address = service.lines().find(({ message }) => message === 'starting')?.['address'];
    expect((await fetch(`${address}/readyz`)).status).toBe(503);
    expect((await fetch(`${address}/healthz`)).status).toBe(200);
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(0);
    expect(service.messages().slice(-3)).toEqual(['stop signal received', 'closing first', 'stopped']);
    expect(service.messages().filter((message) => message === 'part unavailable')).toHaveLength(1);
  });

  it.each(['fatal', 'rejection', 'failing start'])('stops its parts and exits with 1 on a %s', async (behaviour) => {
    const service = run(behaviour);
    expect(await service.exit).toBe(1);
    expect(service.messages()).toContain('fatal error');
    expect(service.messages().slice(-2)).toEqual(['closing first', 'stopped']);
    expect(service.output.out + service.output.err).not.toContain('canary');
  });

  it('exits with 1 at once on an uncaught exception', async () => {
    const service = run('exception');
    expect(await service.exit).toBe(1);
    expect(service.messages().at(-1)).toBe('uncaught exception');
    expect(service.output.out + service.output.err).not.toContain('canary');
  });

  it('exits with 1 when a part does not stop in time', async () => {
    const service = run('hanging stop');
    await service.said('started');
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(1);
    expect(service.messages().slice(-2)).toEqual(['parts did not stop in time', 'stopped']);
  });

  it('counts two signals within a second as one, and exits immediately at a later one', async () => {
    const service = run('slow stop');
    await service.said('started');
    service.child.kill('SIGINT');
    await service.said('stop signal received');
    service.child.kill('SIGTERM');
    await service.said('a second has passed');
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(143);
    expect(service.messages().at(-1)).toBe('second stop signal, exiting immediately');
  });

  it('exits with 78 and one clear message on a refused configuration', async () => {
    const service = run('ordinary', { VAULT_ENV: 'canary', VAULT_METRICS_PORT: 'canary' });
    expect(await service.exit).toBe(78);
    expect(service.output.out).toBe('');
    expect(service.output.err).toBe(
      [
        'under-test: the configuration is refused',
        '  VAULT_ENV: expected one of production, development',
        '  VAULT_METRICS_PORT: expected a whole number from 0 to 65535',
        '',
      ].join('\n'),
    );
  });

  it('exits with 78 and prints the whole message when an operator has to change something', async () => {
    const service = run('refused profiles');
    expect(await service.exit).toBe(78);
    expect(service.output.err).toBe('under-test: the platform profiles are refused\na.yaml:1:1 x\n');
    expect(service.messages().slice(-3)).toEqual(['fatal error', 'closing first', 'stopped']);
  });

  it('does not open the inspector on SIGUSR1', async () => {
    const service = run('ordinary');
    await service.said('started');
    service.child.kill('SIGUSR1');
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(0);
    expect(service.output.err).not.toContain('Debugger listening');
  });

  it.each(['--inspect=0', '--heapsnapshot-signal=SIGUSR2', '--report-uncaught-exception'])(
    'does not run in production with %s',
    async (flag) => {
      const service = run('ordinary', { VAULT_ENV: 'production', NODE_OPTIONS: flag });
      expect(await service.exit).toBe(78);
      expect(service.messages().at(-1)).toBe('memory can reach a disk or a debugger');
    },
  );

  it('leaves no memory in a core dump', async () => {
    const service = run('ordinary');
    await service.said('core dump filter');
    expect(service.lines().find(({ message }) => message === 'core dump filter')?.['state']).toBe('00000000');
    service.child.kill('SIGTERM');
    await service.exit;
  });
});
