import type { DedupeRecord, UserId } from '@vault-engine/vault';
import { BrokenRow } from '../broken-row.ts';
import { refuseImpossibleDedupe } from '../impossible-change.ts';
import type { Link } from './link.ts';
import { runReplicated } from './replicate.ts';
import { integerText, parseDedupeRecord } from './rows.ts';
import { asFields } from './run-script.ts';
import { REMEMBER } from './scripts.ts';

/** See `TokenStore.remember`. */
export const dedupe = async (
  link: Link,
  user: UserId,
  entry: DedupeRecord & { readonly id: string; readonly keepMs: number },
): Promise<DedupeRecord> => {
  refuseImpossibleDedupe(entry);
  const { id, mac, outcome, keepMs } = entry;
  const args = [mac, outcome, integerText(keepMs)];
  const names = [link.keys.dedupe(user, id)];
  const answer = await link.persist(() => runReplicated(link, REMEMBER, names, args));
  const dedupeRecord = parseDedupeRecord(asFields(answer));
  if (dedupeRecord === null) throw new BrokenRow('dedupe', 'it is not there');
  return dedupeRecord;
};
