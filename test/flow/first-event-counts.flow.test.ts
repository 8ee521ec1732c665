import { servicePlans } from '@vault-engine/development';
import { type Prometheus, type Sample, startPrometheus } from '@vault-engine/local';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openVault, type TestVault } from './open-vault.ts';

/** What a test waits for a scrape, which comes every second. */
const PATIENT = { timeout: 20_000, interval: 500 };

describe('a Prometheus that scrapes all services', () => {
  let vault: TestVault;
  let prometheus: Prometheus;
  let services: number;

  beforeAll(async () => {
    vault = await openVault({ services: 'all' });
    const targets = servicePlans(vault.place).map(({ operations }) => new URL(operations).host);
    services = targets.length;
    prometheus = await startPrometheus(targets);
    await vi.waitFor(async () => expect(await sumOf('count(count_over_time(up[1m]) >= 3)')).toBe(services), PATIENT);
  });
  afterAll(async () => {
    await prometheus.stop();
    await vault.close();
  });

  const sumOf = async (expression: string): Promise<number> =>
    (await prometheus.query(expression)).reduce((sum, { value }) => sum + value, 0);
  const up = (samples: readonly Sample[]) => samples.filter(({ value }) => value === 1).length;

  it('accepts the page of every service', async () => {
    expect(up(await prometheus.query('up'))).toBe(services);
  });

  it('has every counter with labels at 0 before the first event', async () => {
    const counters = '__name__=~"vault_.+_total"';
    const byName = await prometheus.query(`count by (__name__) ({${counters}, service!=""})`);
    const names = byName.map(({ labels: { __name__: name } }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'vault_commands_total',
        'vault_http_requests_total',
        'vault_refresh_due_total',
        'vault_refresh_attended_total',
        'vault_state_events_total',
        'vault_state_drift_total',
        'vault_state_unreadable_total',
      ]),
    );
    const engine = '{engine="sync",action="GetToken"}';
    expect(await sumOf(`count(vault_commands_total${engine})`)).toBe(16);
    expect(await sumOf(`sum(vault_commands_total${engine})`)).toBe(0);
  });

  it("sees an engine's first failed command, in the worker and in the gateway", async () => {
    const response = await fetch(`${vault.gateway}/get_token`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-engine-id': 'sync',
        'x-engine-key': vault.engines['sync']?.key ?? '',
      },
      body: JSON.stringify({ user_id: 'nobody', platform: 'gmail' }),
    });
    expect(response.status).toBe(404);
    const failed = 'increase(vault_commands_total{engine="sync",action="GetToken",result="not_connected"}[1m])';
    const refused = 'increase(vault_http_requests_total{route="/get_token",status="404",result="not_connected"}[1m])';
    await vi.waitFor(async () => {
      expect(await sumOf(failed)).toBeGreaterThan(0.9);
      expect(await sumOf(refused)).toBeGreaterThan(0.9);
    }, PATIENT);
  });

  it("has the event loop's delay of an idle service, without the interval of its measurement", async () => {
    const medians = await prometheus.query('quantile_over_time(0.5, nodejs_eventloop_lag_p50_seconds[1m])');
    expect(medians).toHaveLength(services);
    for (const { value } of medians) expect(value).toBeLessThan(0.01);
  });
});
