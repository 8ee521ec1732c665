import { type Bus, connectBus } from '@vault-engine/bus';
import type { KafkaSettings } from '@vault-engine/runtime';

/** The way to the brokers that the configuration names. */
export const openBus = ({ brokers, ssl, sasl }: KafkaSettings): Bus =>
  connectBus({ brokers, clientId: 'vault-cli', ssl, sasl });
