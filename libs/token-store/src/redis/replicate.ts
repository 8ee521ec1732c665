import { NotReplicated } from './faults.ts';
import type { Link } from './link.ts';
import { runScript } from './run-script.ts';
import { type Script, WRITE_ANEW } from './scripts.ts';

type Argument = string | Buffer;

/**
 * Runs a script that writes. With replicas to wait for, it is answered when enough of them have what it wrote, and so all
 * that was written before it; a single attempt, to be repeated by `persist`.
 *
 * @throws NotReplicated
 */
export const runReplicated = async (
  { redis, replicas }: Link,
  script: Script,
  names: readonly string[],
  args: readonly Argument[],
): Promise<unknown> => {
  if (replicas === null) return (await runScript(redis, script, names, args))[0];
  // WAIT counts what its connection wrote, so it goes out with the script: on a later connection it would say nothing.
  const wait = () => redis.wait(replicas.count, replicas.withinMs);
  const [answer, reached] = await runScript(redis, script, names, args, wait);
  if ((reached ?? 0) < replicas.count) throw new NotReplicated();
  return answer;
};

/**
 * Makes sure that what stands in these keys, of which one at least is there, has reached the replicas to wait for, whoever
 * wrote it on whatever connection. Whoever answers from what somebody else wrote needs it: the writer may have been told
 * that its change is not replicated. A single attempt; nothing to do where no replica is waited for.
 */
export const ensureReplicated = async (link: Link, names: readonly string[]): Promise<void> => {
  if (link.replicas !== null) await runReplicated(link, WRITE_ANEW, names, []);
};
