import type { Consumer } from 'kafkajs';

/** A consumer that will not read on by itself. The process should end and be started again. */
export class ConsumerDead extends Error {
  override readonly name = 'ConsumerDead';
}

/**
 * Calls `onFatal`, once, when kafkajs gives the consumer up, or when no fetch has ended for `stallMs`. kafkajs itself
 * starts again after errors that may pass. Answers how to stop watching.
 */
export function watchConsumer(
  consumer: Consumer,
  { name, stallMs, onFatal }: { readonly name: string; readonly stallMs: number; readonly onFatal: OnFatal },
): () => void {
  let lastFetch = Date.now();
  const timer = setInterval(() => {
    if (Date.now() - lastFetch > stallMs) die(new ConsumerDead(`${name} has fetched nothing for ${stallMs} ms`));
  }, STALL_CHECK_MS);
  timer.unref();
  consumer.on(consumer.events.FETCH, () => {
    lastFetch = Date.now();
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart)
      die(new ConsumerDead(`${name} has crashed: ${payload.error.message}`, { cause: payload.error }));
  });
  let report: OnFatal = onFatal;
  function die(error: ConsumerDead): void {
    clearInterval(timer);
    report(error);
    report = () => undefined;
  }
  return () => {
    clearInterval(timer);
    report = () => undefined;
  };
}

/** Told once of a consumer that is dead for good. */
export type OnFatal = (error: ConsumerDead) => void;

const STALL_CHECK_MS = 1_000;
