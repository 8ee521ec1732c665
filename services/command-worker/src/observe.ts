import { isCommandName } from '@vault-engine/contracts';
import type { ServiceContext } from '@vault-engine/runtime';
import { Counter, Histogram } from 'prom-client';
import type { Served } from './serve-command.ts';

/** The label of every command type that does not exist: an engine may sign any name, and each would be a series of its own. */
const OTHER = 'other';

/**
 * Logs and measures how each command ended: request id, engine, platform, action and result, no other value of the command.
 * Answered commands are logged at level `debug`, because the audit log has all of them.
 */
export const observe = ({
  log,
  metrics,
}: Pick<ServiceContext<unknown>, 'log' | 'metrics'>): ((served: Served) => void) => {
  const commands = new Counter({
    name: 'vault_commands_total',
    help: 'Commands that were answered, by engine, action and result',
    labelNames: ['engine', 'action', 'result'],
    registers: [metrics],
  });
  const misplaced = new Counter({
    name: 'vault_commands_misplaced_total',
    help: 'Commands that were refused because they are on another partition than that of their key, by engine',
    labelNames: ['engine'],
    registers: [metrics],
  });
  const durations = new Histogram({
    name: 'vault_command_duration_seconds',
    help: "From the broker's append of a command to the acknowledgement of its reply",
    labelNames: ['action'],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [metrics],
  });
  return ({ requestId, engine, action, subject, result, reason, reply, durationMs, error }) => {
    const label = isCommandName(action) ? action : OTHER;
    commands.inc({ engine, action: label, result });
    if (reason === 'wrong_partition') misplaced.inc({ engine });
    durations.observe({ action: label }, Math.max(0, durationMs) / 1_000);
    const fields = { requestId, engine, action, platform: subject.platform, result, reason, state: reply, durationMs };
    if (error !== undefined) log.error('command failed unexpectedly', { ...fields, error });
    else if (reply === 'undeliverable') log.warn('reply undeliverable', fields);
    else log.debug('command answered', fields);
  };
};
