import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLog, type LogFields } from './log.ts';

const CANARY = 'canary-3f9c1d';

/** Logs to memory; answers the lines as text. */
const logging = () => {
  const lines: string[] = [];
  const log = createLog({ service: 'test', level: 'debug', destination: { write: (line) => void lines.push(line) } });
  return { log, output: () => lines.join(''), last: () => JSON.parse(lines.at(-1) ?? '') };
};

/** A caller that gets around the types, as JavaScript allows. */
const forced = (fields: Record<string, unknown>): LogFields => fields as LogFields;

describe('a log line', () => {
  it('is JSON with level, time, service, message and fields', () => {
    const { log, last } = logging();
    log.with({ engine: 'sync' }).info('answered', { durationMs: 3, offset: '12', reason: null });
    const { time, ...rest } = last();
    expect(new Date(time).getTime()).toBeGreaterThan(0);
    expect(rest).toEqual({
      level: 'info',
      service: 'test',
      message: 'answered',
      engine: 'sync',
      durationMs: 3,
      offset: '12',
      reason: null,
    });
  });

  it('leaves out fields that are not on the list', () => {
    const { log, output } = logging();
    log.info(
      'x',
      forced({ token: CANARY, user: CANARY, accessToken: CANARY, headers: { authorization: CANARY }, __proto__: null }),
    );
    expect(output()).not.toContain(CANARY);
  });

  it('leaves out every value that is not primitive, at whatever depth it holds a secret', () => {
    const { log, output } = logging();
    const nested = { deep: { deeper: [{ token: CANARY }] }, toJSON: () => CANARY, toString: () => CANARY };
    for (const value of [
      nested,
      [CANARY],
      Buffer.from(CANARY),
      new Map([[CANARY, CANARY]]),
      () => CANARY,
      Symbol(CANARY),
    ])
      log.info('x', forced({ reason: value, topic: value }));
    expect(output()).not.toContain(CANARY);
    expect(output()).not.toContain(Buffer.from(CANARY).toString('base64'));
  });

  it('has the name, the code and the frames of an error, but not its message', () => {
    const { log, last, output } = logging();
    const error = Object.assign(new TypeError(`unexpected ${CANARY}\n    at ${CANARY} (x.ts:1:1)`), {
      code: 'ERR_X',
      request: { token: CANARY },
      cause: new Error(CANARY, { cause: new Error(CANARY) }),
    });
    log.error('failed', { error });
    expect(output()).not.toContain(CANARY);
    expect(last().error).toMatchObject({
      name: 'TypeError',
      code: 'ERR_X',
      cause: { name: 'Error', cause: { name: 'Error' } },
    });
    expect(last().error.frames[0]).toContain('log.unit.test.ts');
  });

  it('does not repeat the input that JSON.parse quotes in its message', () => {
    const { log, output } = logging();
    try {
      JSON.parse(`{"access_token": "${CANARY}`);
    } catch (error) {
      log.error('failed', { error });
    }
    expect(output()).toContain('SyntaxError');
    expect(output()).not.toContain(CANARY);
  });

  it('repeats the message of error classes that hold no secret', () => {
    const { log, last } = logging();
    log.error('failed', { error: Object.assign(new Error('the store does not answer'), { name: 'PortUnavailable' }) });
    expect(last().error.message).toBe('the store does not answer');
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), {
      code: 'ECONNREFUSED',
      syscall: 'connect',
      errno: -111,
    });
    log.error('failed', { error: refused });
    expect(last().error).toMatchObject({ code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:1' });
  });

  it('has only the type of any other thrown value', () => {
    const { log, last } = logging();
    log.error('failed', { error: CANARY });
    expect(last().error).toEqual({ name: 'thrown string' });
  });

  it.each([
    `Bearer ${CANARY}`,
    `{"access_token":"${CANARY}"}`,
    `refresh_token=${CANARY}&x=1`,
    `password: ${CANARY}`,
    `redis://user:${CANARY}@host:6379`,
    `vek1.7.${CANARY}`,
    `eyJhbGciOiJub25lIn0.${CANARY}.x`,
    `key ${CANARY.padEnd(43, 'x')}`,
  ])('masks what looks like a secret where a field or message holds one by mistake: %s', (text) => {
    const { log, output } = logging();
    log.info(text, { reason: text });
    log
      .with({ topic: text })
      .warn('x', { error: Object.assign(new Error(text), { name: 'PortUnavailable', code: text }) });
    expect(output()).not.toContain(CANARY);
  });

  it('keeps ids, addresses and topics readable', () => {
    const { log, last } = logging();
    const fields = {
      requestId: '6f1d3c1e-2f0a-4b7e-9a53-5a0f4c2f9b11',
      topic: 'w3f9c1d.vault.replies.action',
      address: 'http://127.0.0.1:9464',
      file: '/work/platform-profiles/google-calendar.yaml',
      subject: 'vault.v1.ConnectionChanged',
    };
    log.info('x', fields);
    expect(last()).toMatchObject(fields);
  });

  it('stays one line of JSON for any field and message', () => {
    const { log, output } = logging();
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.anything(), (message, reason, error) => {
        log.info(message, { reason, error });
      }),
    );
    for (const line of output().trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('level', 'info');
  });

  it('is written from the configured level upwards only', () => {
    const lines: string[] = [];
    const log = createLog({ service: 'x', level: 'warn', destination: { write: (line) => void lines.push(line) } });
    log.info('x');
    log.warn('y');
    expect(lines).toHaveLength(1);
  });
});
