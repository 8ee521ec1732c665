import type { Claimed, Lease, LeaseOf } from '@vault-engine/vault';
import { refuseImpossibleLease } from '../impossible-change.ts';
import type { Link } from './link.ts';
import { integerText } from './parse-fields.ts';
import { parseLease } from './rows.ts';
import { asFields, runReplicated } from './run-script.ts';
import { CLAIM, HOLD, RELEASE } from './scripts.ts';

// Each operation is one script on the record's key and uses the server's clock. Required replicas acknowledge these writes too:
// otherwise, after a failover, a refresh token that may be spent would look unused.

/** See `TokenStore.claim`. A repeated claim finds its own owner in the record. */
export const claim = async (
  link: Link,
  { tokenVersion, ttlMs, ...of }: LeaseOf & { readonly tokenVersion: number; readonly ttlMs: number },
): Promise<Claimed> => {
  refuseImpossibleLease(of.owner, ttlMs);
  const args = [of.owner, integerText(tokenVersion), integerText(ttlMs)];
  const [kind, ...rest] = asFields(await link.retry(() => runReplicated(link, CLAIM, [recordOf(link, of)], args)));
  const lease = parseLease(rest);
  switch (kind?.toString()) {
    case 'claimed':
      return { kind: 'claimed', before: lease };
    case 'held':
      if (lease === null) throw new TypeError('the script replied `held` without a lease');
      return { kind: 'held', lease };
    case 'changed':
      return { kind: 'changed' };
    default:
      throw new TypeError('the script replied with an unknown kind');
  }
};

/** See `TokenStore.hold`. A repeated hold extends the lease once more. */
export const hold = async (
  link: Link,
  { phase, ttlMs, ...of }: LeaseOf & { readonly phase: Lease['phase']; readonly ttlMs: number },
): Promise<boolean> => {
  refuseImpossibleLease(of.owner, ttlMs);
  const args = [of.owner, phase, integerText(ttlMs)];
  return isDone(await link.retry(() => runReplicated(link, HOLD, [recordOf(link, of)], args)));
};

/** See `TokenStore.release`. A repeated release finds its own owner in `released_by`. */
export const release = async (link: Link, of: LeaseOf): Promise<boolean> => {
  refuseImpossibleLease(of.owner);
  const args = (again: boolean) => [again ? '1' : '', of.owner];
  return isDone(await link.retry((again) => runReplicated(link, RELEASE, [recordOf(link, of)], args(again))));
};

const recordOf = ({ keys }: Link, { user, platform }: LeaseOf): string => keys.record(user, platform);

const isDone = (reply: unknown): boolean => asFields(reply)[0]?.toString() === 'done';
