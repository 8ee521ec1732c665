import { PublishFailed } from '@vault-engine/bus';
import { VaultError } from '@vault-engine/client';
import { RegistryUnavailable, SchemaMissing } from '@vault-engine/contracts';
import { EntryUnconfirmed } from '@vault-engine/engines';
import { KeyFileRefused } from '@vault-engine/kms';
import { ProfilesRefused } from '@vault-engine/platforms';
import { ConfigRefused, errorLabel, isOutage } from '@vault-engine/runtime';
import { type Port, PortUnavailable } from '@vault-engine/vault';
import { CliFailure, EXIT } from './failure.ts';

/** What is said about an error, and with which code the process ends. */
export interface Explanation {
  readonly line: string;
  readonly exitCode: number;
}

/**
 * One line that says what is wrong and what to do. Texts of errors that are not ours are not repeated: they may quote what
 * they were given.
 */
export const explainError = (error: unknown): Explanation => {
  if (error instanceof CliFailure) return { line: error.message, exitCode: error.exitCode };
  const wrongSetting = settingsProblem(error);
  if (wrongSetting !== null) return { line: wrongSetting, exitCode: EXIT.configuration };
  return { line: refusal(error) ?? outage(error) ?? `unexpected: ${errorLabel(error)}`, exitCode: EXIT.failed };
};

const settingsProblem = (error: unknown): string | null => {
  if (error instanceof KeyFileRefused || error instanceof ProfilesRefused) return error.message;
  if (!(error instanceof ConfigRefused)) return null;
  return error.faults.map(({ variable, problem }) => `${variable} ${problem}`).join('; ');
};

const refusal = (error: unknown): string | null => {
  if (error instanceof VaultError) return vaultRefusal(error);
  if (error instanceof SchemaMissing) return `${error.message}; register them: npm run vault -- schemas apply`;
  if (error instanceof EntryUnconfirmed)
    return `${error.message} from the topic: look at it with npm run vault -- engines list`;
  return isMissingTopic(error) ? 'a topic is missing; make it: npm run vault -- topics apply' : null;
};

const vaultRefusal = ({ code, message, suggestedAction, requestId }: VaultError): string =>
  `${code}: ${message} (${[suggestedAction, ...(requestId === null ? [] : [`request ${requestId}`])].join(', ')})`;

/** The broker's own error lies somewhere down the chain of causes. */
const isMissingTopic = (error: unknown): boolean => {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof PublishFailed && cause.reason === 'unknown_topic') return true;
    if ('type' in cause && cause.type === 'UNKNOWN_TOPIC_OR_PARTITION') return true;
  }
  return false;
};

const outage = (error: unknown): string | null => {
  if (error instanceof RegistryUnavailable) return `${error.message}; check VAULT_REGISTRY_URL and that it runs`;
  if (error instanceof PortUnavailable) return `${error.message}; check ${CHECK[error.port]}`;
  if (error instanceof PublishFailed) return `${error.message}; check that Kafka takes messages`;
  return isKafkas(error) || isOutage(error)
    ? `Kafka does not answer (${errorLabel(error)}); check VAULT_KAFKA_BROKERS and that it runs`
    : null;
};

const CHECK: Readonly<Record<Port, string>> = {
  storage: 'VAULT_REDIS_URL and that it runs',
  keys: 'the key service and its credentials',
  audit: 'that Kafka takes messages',
  provider: 'that the provider can be reached',
};

const isKafkas = (error: unknown): boolean => error instanceof Error && error.name.startsWith('KafkaJS');
