import { PublishFailed } from '@vault-engine/bus';
import { VaultError } from '@vault-engine/client';
import { RegistryUnavailable, SchemaMissing } from '@vault-engine/contracts';
import { EntryUnconfirmed } from '@vault-engine/engines';
import { KeyFileRefused } from '@vault-engine/kms';
import { ProfilesRefused } from '@vault-engine/platforms';
import { ConfigRefused, errorLabel, isOutage } from '@vault-engine/runtime';
import { type Port, PortUnavailable } from '@vault-engine/vault';
import { CliFailure, EXIT } from './failure.ts';

/** The message for an error and the exit code of the process. */
export interface Explanation {
  readonly line: string;
  readonly exitCode: number;
}

/**
 * One line that says what happened and what to do. The message of a foreign error is not repeated: it may quote its
 * input.
 */
export const explainError = (error: unknown): Explanation => {
  if (error instanceof CliFailure) return { line: error.message, exitCode: error.exitCode };
  const wrongSetting = settingsProblem(error);
  if (wrongSetting !== null) return { line: wrongSetting, exitCode: EXIT.configuration };
  return { line: refusal(error) ?? outage(error) ?? `unexpected error: ${errorLabel(error)}`, exitCode: EXIT.failed };
};

const settingsProblem = (error: unknown): string | null => {
  if (error instanceof KeyFileRefused || error instanceof ProfilesRefused) return error.message;
  if (!(error instanceof ConfigRefused)) return null;
  return error.faults.map(({ variable, problem }) => `${variable} ${problem}`).join('; ');
};

const refusal = (error: unknown): string | null => {
  if (error instanceof VaultError) return vaultRefusal(error);
  if (error instanceof SchemaMissing)
    return `${error.message}; register the schemas with npm run vault -- schemas apply`;
  if (error instanceof EntryUnconfirmed) return `${error.message}; check the engine with npm run vault -- engines list`;
  return isMissingTopic(error) ? 'a topic is missing; create it with npm run vault -- topics apply' : null;
};

const vaultRefusal = ({ code, message, suggestedAction, requestId }: VaultError): string =>
  `${code}: ${message} (${[suggestedAction, ...(requestId === null ? [] : [`request ${requestId}`])].join(', ')})`;

/** The broker's error may be anywhere in the chain of causes. */
const isMissingTopic = (error: unknown): boolean => {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof PublishFailed && cause.reason === 'unknown_topic') return true;
    if ('type' in cause && cause.type === 'UNKNOWN_TOPIC_OR_PARTITION') return true;
  }
  return false;
};

const outage = (error: unknown): string | null => {
  if (error instanceof RegistryUnavailable)
    return `${error.message}; check VAULT_REGISTRY_URL and that the registry is running`;
  if (error instanceof PortUnavailable) return `${error.message}; check ${CHECK[error.port]}`;
  if (error instanceof PublishFailed) return `${error.message}; check that Kafka accepts writes`;
  return isKafkaError(error) || isOutage(error)
    ? `Kafka does not answer (${errorLabel(error)}); check VAULT_KAFKA_BROKERS and that Kafka is running`
    : null;
};

const CHECK: Readonly<Record<Port, string>> = {
  storage: 'VAULT_REDIS_URL and that Redis is running',
  keys: 'the key service and its credentials',
  audit: 'that Kafka accepts writes',
  provider: 'that the provider is reachable',
};

const isKafkaError = (error: unknown): boolean => error instanceof Error && error.name.startsWith('KafkaJS');
