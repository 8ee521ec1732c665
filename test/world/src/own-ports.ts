/** Of the test files that run side by side each looks for free ports in a part of its own. */
const PARTS = 8;
const PORTS_OF_EACH = 1_500;

const part = Number(process.env['VITEST_POOL_ID'] ?? 0) % PARTS;
const from = 20_000 + part * PORTS_OF_EACH;
process.env['VAULT_FREE_PORTS'] = `${from}-${from + PORTS_OF_EACH - 1}`;
