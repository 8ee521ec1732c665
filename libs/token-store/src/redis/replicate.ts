import { NotReplicated } from './faults.ts';
import type { Link } from './link.ts';
import { runScript } from './run-script.ts';
import { type Script, WRITE_ANEW } from './scripts.ts';

type Argument = string | Buffer;

/**
 * Runs a script over the keys `names`. With replicas to wait for, it is answered when enough of them have what it wrote or
 * found, whoever wrote that: the writer may have been told that its change is not replicated. A single attempt, to be
 * repeated by `persist`.
 *
 * @throws NotReplicated
 */
export const runReplicated = async (
  link: Link,
  script: Script,
  names: readonly string[],
  args: readonly Argument[],
): Promise<unknown> => {
  if (link.replicas === null) return (await runScript(link.redis, script, names, args))[0];
  const [answer] = await runScript(link.redis, script, names, args, () => untilReplicated(link, names));
  return answer;
};

/**
 * Resolves when enough replicas have all that stood in these keys. To be sent right behind the commands that it is for: then
 * it goes out on their connection. On another one it might speak with another server, to which a failover has led meanwhile,
 * and say of that server what was read from this.
 *
 * WAIT counts what its own connection wrote, which may be nothing: so there is a write before it.
 *
 * @throws NotReplicated
 */
export const untilReplicated = async ({ redis, replicas }: Link, names: readonly string[]): Promise<void> => {
  if (replicas === null) return;
  const [, reached] = await Promise.all([
    redis.eval(WRITE_ANEW, names.length, ...names),
    redis.wait(replicas.count, replicas.withinMs),
  ]);
  if (reached < replicas.count) throw new NotReplicated();
};
