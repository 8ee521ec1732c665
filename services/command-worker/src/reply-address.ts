import { type Failure, refuse } from '@vault-engine/vault';
import type { Authenticated } from './authenticate.ts';
import type { ReplyAddress } from './reply.ts';

/** The topics that replies go to. */
export interface ReplyTopics {
  readonly ofEngine: (engine: string) => string;
  /** Where the gateway listens: for HTTP keys. */
  readonly gateway: string;
}

/** How many partitions a topic has; null: there is no such topic. */
export interface PartitionCount {
  (topic: string): Promise<number | null>;
  /** Has a topic counted anew: it did not take a reply. */
  readonly forget: (topic: string) => void;
}

/** The topic that a command is answered on, whatever it says: the engine's own, or the gateway's for an HTTP key. */
export const replyTopicOf = ({ ofEngine, gateway }: ReplyTopics, { engine, engineKey }: Authenticated): string =>
  engineKey.use === 'http' ? gateway : ofEngine(engine.open.engine);

/**
 * Where on `topic`, which has `count` partitions, a command is answered: the caller chooses the partition alone. A command
 * that asks for another topic is refused, on the right one.
 */
export const replyAddress = (
  topic: string,
  count: number | null,
  { headers }: Authenticated,
): { address: ReplyAddress | null; refused: Failure | null } => {
  const address =
    count !== null && headers.replyPartition < count ? { topic, partition: headers.replyPartition } : null;
  if (headers.replyTopic !== topic)
    return {
      address,
      refused: refuse('invalid_request', "the reply topic is not the engine's own", 'foreign_reply_topic').failure,
    };
  return {
    address,
    refused:
      address === null
        ? refuse('invalid_request', 'the reply topic has no such partition', 'no_reply_partition').failure
        : null,
  };
};
