import { startTcpProxy } from '../faults/tcp-proxy.ts';

/** A way to the store that can be broken. */
export interface BreakableLink {
  /** The address of the store by this way. */
  readonly storeAt: (url: string) => Promise<string>;
  readonly breakOff: () => void;
  readonly mend: () => void;
  readonly close: () => Promise<void>;
}

/** Opens one. While it is broken, every connection that is tried ends at its first byte. */
export const openBreakableLink = (): BreakableLink => {
  let broken = false;
  const onward = (bytes: Buffer) => (broken ? 'cut' : bytes);
  const proxies: { readonly close: () => Promise<void> }[] = [];
  return {
    storeAt: async (url) => {
      const proxy = await startTcpProxy(Number(new URL(url).port), () => ({ request: onward, answer: onward }));
      proxies.push(proxy);
      return `redis://127.0.0.1:${proxy.port}`;
    },
    breakOff: () => {
      broken = true;
    },
    mend: () => {
      broken = false;
    },
    close: async () => {
      await Promise.all(proxies.map((proxy) => proxy.close()));
    },
  };
};
