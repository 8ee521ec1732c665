import type { Remembered, UserId } from '@vault-engine/vault';
import { BrokenRow } from '../broken-row.ts';
import type { Link } from './link.ts';
import { integerText, parseRemembered } from './rows.ts';
import { asFields, runScript } from './run-script.ts';
import { REMEMBER } from './scripts.ts';

/** See `TokenStore.remember`. */
export const remember = async (
  { redis, keys, persist }: Link,
  user: UserId,
  { id, mac, outcome, keepMs }: Remembered & { readonly id: string; readonly keepMs: number },
): Promise<Remembered> => {
  if (id === '') throw new RangeError('it remembers under no id');
  const args = [mac, outcome, integerText(keepMs)];
  const [answer] = await persist(() => runScript(redis, REMEMBER, [keys.dedupe(user, id)], args));
  const remembered = parseRemembered(asFields(answer));
  if (remembered === null) throw new BrokenRow('dedupe', 'it is not there');
  return remembered;
};
