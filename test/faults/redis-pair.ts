import { type RunningPart, startPart } from '@vault-engine/local';
import { Redis } from 'ioredis';
import { holdsWithin } from './holds-within.ts';
import { SWALLOWED, startTcpProxy, type Wire } from './tcp-proxy.ts';

/** A master and its replica. */
export interface RedisPair {
  /** Leads to the master, whichever of them it is. */
  readonly url: string;
  /** From here on nothing that is written reaches the replica, although its connection stays. */
  readonly holdBack: () => void;
  /** The master is killed, the replica becomes the master. There is no replica then. */
  readonly failOver: () => Promise<void>;
  /** The one that was killed comes back as the replica; resolves when it has all. */
  readonly rejoin: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

const JOINED_WITHIN_MS = 20_000;

/** Starts two servers of a test's own. */
export const startRedisPair = async (): Promise<RedisPair> => {
  const settings = { 'repl-diskless-sync-delay': '0' };
  let [master, replica] = await Promise.all([startPart('redis', { settings }), startPart('redis', { settings })]);
  const link = { held: false };
  let front = await startTcpProxy(master.port, passing);
  let behind = await startTcpProxy(master.port, () => replication(link));
  await follow(replica, behind.port);
  return {
    url: `redis://127.0.0.1:${front.port}`,
    holdBack: () => {
      link.held = true;
    },
    failOver: async () => {
      await master.kill();
      await behind.close();
      await tell(replica, (redis) => redis.replicaof('NO', 'ONE'));
      [master, replica] = [replica, master];
      await front.close();
      front = await startTcpProxy(master.port, passing, front.port);
    },
    rejoin: async () => {
      link.held = false;
      await replica.start();
      behind = await startTcpProxy(master.port, () => replication(link));
      await follow(replica, behind.port);
    },
    stop: async () => {
      await Promise.all([front.close(), behind.close()]);
      await Promise.all([master.stop(), replica.stop()]);
    },
  };
};

const passing = (): Wire => ({ request: (bytes) => bytes, answer: (bytes) => bytes });

/** What the master writes comes as an answer to its replica. */
const replication = (link: { readonly held: boolean }): Wire => ({
  request: (bytes) => bytes,
  answer: (bytes) => (link.held ? SWALLOWED : bytes),
});

const follow = async (replica: RunningPart, port: number): Promise<void> => {
  await tell(replica, (redis) => redis.replicaof('127.0.0.1', port));
  const joined = await holdsWithin(JOINED_WITHIN_MS, async () => {
    const info = await tell(replica, (redis) => redis.info('replication'));
    return info.includes('master_link_status:up');
  });
  if (!joined) throw new Error('the replica does not join');
};

const tell = async <Answer>(server: RunningPart, command: (redis: Redis) => Promise<Answer>): Promise<Answer> => {
  const redis = new Redis(server.address);
  try {
    return await command(redis);
  } finally {
    redis.disconnect();
  }
};
