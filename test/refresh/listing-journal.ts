import { type AuditEntry, type ConnectionEvent, type Journal, PortUnavailable } from '@vault-engine/vault';

/** A journal that is a list, so that a test sees what is written when. */
export interface ListingJournal {
  readonly journal: Journal;
  readonly audited: readonly AuditEntry[];
  readonly events: readonly ConnectionEvent[];
  /** Makes writing fail, or not any more. */
  readonly auditFails: (fails: boolean) => void;
}

/** Opens one. */
export const listingJournal = (): ListingJournal => {
  const audited: AuditEntry[] = [];
  const events: ConnectionEvent[] = [];
  let fails = false;
  const write = async <T>(list: T[], message: Buffer): Promise<void> => {
    if (fails) throw new PortUnavailable('audit', 'it fails');
    list.push(JSON.parse(message.toString()));
  };
  const journal: Journal = {
    encodeAudit: (entry) => Buffer.from(JSON.stringify(entry)),
    encodeEvent: (event) => Buffer.from(JSON.stringify(event)),
    record: (entry) => write(audited, entry),
    publish: (_user, event) => write(events, event),
  };
  return {
    journal,
    audited,
    events,
    auditFails: (now: boolean) => {
      fails = now;
    },
  };
};
