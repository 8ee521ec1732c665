import { type Onward, SWALLOWED, startTcpProxy, type Wire } from './tcp-proxy.ts';

/**
 * What becomes of the answer to a change that was applied: it arrives, or its connection ends instead, or from here on
 * nothing arrives on any connection although they stay open.
 */
export type FateOfAnswer = 'told' | 'cut' | 'silence';

/** A Redis behind a proxy. */
export interface RedisProxy {
  readonly url: string;
  /** Decides on each answer that says that a change was applied. */
  readonly onApplied: (fate: () => FateOfAnswer) => void;
  /** Ends the silence: connections that missed an answer end, for all later ones would be taken for earlier ones. */
  readonly speak: () => void;
  readonly close: () => Promise<void>;
}

/** Stands before the Redis of this machine at `url`. */
export const startRedisProxy = async (url: string): Promise<RedisProxy> => {
  let silent = false;
  let fateOf: () => FateOfAnswer = () => 'told';
  const answer = (bytes: Buffer): Onward => {
    const fate = !silent && bytes.includes(APPLIED) ? fateOf() : 'told';
    if (fate === 'silence') silent = true;
    if (fate === 'cut') return 'cut';
    return silent ? SWALLOWED : bytes;
  };
  const proxy = await startTcpProxy(Number(new URL(url).port), () => wireOf(answer));
  return {
    url: `redis://127.0.0.1:${proxy.port}`,
    onApplied: (fate) => {
      fateOf = fate;
    },
    speak: () => {
      silent = false;
      fateOf = () => 'told';
    },
    close: proxy.close,
  };
};

const wireOf = (answer: (bytes: Buffer) => Onward): Wire => {
  let missed = false;
  return {
    request: (bytes) => bytes,
    answer: (bytes) => {
      const onward = answer(bytes);
      if (onward === SWALLOWED) missed = true;
      else if (missed) return 'cut';
      return onward;
    },
  };
};

/** How the store's script begins its answer, as RESP has it. */
const APPLIED = '$7\r\napplied\r\n';
