import type { Claimed, Lease, LeaseOf } from '@vault-engine/vault';
import { refuseImpossibleLease } from '../impossible-change.ts';
import type { Link } from './link.ts';
import { runReplicated } from './replicate.ts';
import { integerText, parseLease } from './rows.ts';
import { asFields } from './run-script.ts';
import { CLAIM, HOLD, RELEASE } from './scripts.ts';

// Each is one script on the record's key, and goes by the server's clock. Replicas that have to acknowledge a change have to
// acknowledge these too: after a failover, a refresh token that may be spent must not look unspent.

/** See `TokenStore.claim`. Its repetition finds the owner in the record. */
export const claim = async (
  link: Link,
  { tokenVersion, ttlMs, ...of }: LeaseOf & { readonly tokenVersion: number; readonly ttlMs: number },
): Promise<Claimed> => {
  refuseImpossibleLease(of.owner, ttlMs);
  const args = [of.owner, integerText(tokenVersion), integerText(ttlMs)];
  const [kind, ...rest] = asFields(await link.persist(() => runReplicated(link, CLAIM, [recordOf(link, of)], args)));
  const lease = parseLease(rest);
  switch (kind?.toString()) {
    case 'claimed':
      return { kind: 'claimed', before: lease };
    case 'held':
      if (lease === null) throw new TypeError('the script answers no lease');
      return { kind: 'held', lease };
    case 'changed':
      return { kind: 'changed' };
    default:
      throw new TypeError('the script answers a kind that it does not have');
  }
};

/** See `TokenStore.hold`. Its repetition holds once more. */
export const hold = async (
  link: Link,
  { phase, ttlMs, ...of }: LeaseOf & { readonly phase: Lease['phase']; readonly ttlMs: number },
): Promise<boolean> => {
  refuseImpossibleLease(of.owner, ttlMs);
  const args = [of.owner, phase, integerText(ttlMs)];
  return isDone(await link.persist(() => runReplicated(link, HOLD, [recordOf(link, of)], args)));
};

/** See `TokenStore.release`. Its repetition finds in the record who released last. */
export const release = async (link: Link, of: LeaseOf): Promise<boolean> => {
  refuseImpossibleLease(of.owner);
  const args = (again: boolean) => [again ? '1' : '', of.owner];
  return isDone(await link.persist((again) => runReplicated(link, RELEASE, [recordOf(link, of)], args(again))));
};

const recordOf = ({ keys }: Link, { user, platform }: LeaseOf): string => keys.record(user, platform);

const isDone = (answer: unknown): boolean => asFields(answer)[0]?.toString() === 'done';
