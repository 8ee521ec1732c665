import { type Call, type Load, type Measured, measure } from './load.ts';

/** What the bench tells a client process, and what it hears. */
export type ToClient = { readonly kind: 'load'; readonly load: Load } | { readonly kind: 'stop' };
export type FromClient =
  | { readonly kind: 'ready' }
  | { readonly kind: 'measured'; readonly measured: Measured }
  | { readonly kind: 'failed'; readonly error: string };

/** One client: how it asks, and how it ends. */
export interface Contestant {
  readonly call: Call;
  readonly close: () => Promise<void>;
}

/** The main loop of a client process: opens the contestant, then measures each load that the bench sends. */
export const serveLoad = async (open: () => Promise<Contestant>): Promise<void> => {
  try {
    const contestant = await open();
    process.on('message', (message: ToClient) => {
      if (message.kind === 'stop') void contestant.close().finally(() => process.exit(0));
      else measure(contestant.call, message.load).then((measured) => tell({ kind: 'measured', measured }), fail);
    });
    tell({ kind: 'ready' });
  } catch (error) {
    fail(error);
  }
};

/** For a worker: the same, without load. */
export const serveUntilStopped = async (open: () => Promise<() => Promise<void>>): Promise<void> => {
  try {
    const close = await open();
    process.on('message', (message: ToClient) => {
      if (message.kind === 'stop') void close().finally(() => process.exit(0));
    });
    tell({ kind: 'ready' });
  } catch (error) {
    fail(error);
  }
};

const tell = (message: FromClient): void => {
  process.send?.(message);
};

const fail = (error: unknown): void =>
  tell({ kind: 'failed', error: error instanceof Error ? (error.stack ?? error.message) : String(error) });

// Without its parent nobody would end it.
process.on('disconnect', () => process.exit(0));
