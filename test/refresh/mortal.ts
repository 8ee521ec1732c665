import type { Vault } from '@vault-engine/vault';

/** A moment in a renewal: a step, and whether it has taken effect. */
export type Moment = `${'before' | 'after'} ${Step}`;

/** What a renewing process does with those outside. */
export type Step =
  | 'claiming'
  | 'auditing the intent'
  | 'introspecting'
  | 'calling'
  | 'asking'
  | 'writing'
  | 'auditing the result'
  | 'telling';

/** The parts of a process that dies: whatever it wants of them from then on neither happens nor answers. */
export interface Mortal {
  readonly parts: Pick<Vault, 'store' | 'journal' | 'providers'>;
  readonly died: Promise<void>;
}

/** The parts of a vault, for a process that dies at a moment. */
export const mortal = ({ store, journal, providers }: Vault, moment: Moment): Mortal => {
  const death = Promise.withResolvers<void>();
  let dead = false;
  const die = (): Promise<never> => {
    dead = true;
    death.resolve();
    return new Promise<never>(() => undefined);
  };
  const does = async <T>(step: Step | null, work: () => Promise<T>): Promise<T> => {
    if (dead || moment === `before ${step}`) return die();
    const done = await work();
    return dead || moment === `after ${step}` ? die() : done;
  };
  let audited = 0;
  return {
    died: death.promise,
    parts: {
      store: {
        ...store,
        readConnection: (user, platform) => does(null, () => store.readConnection(user, platform)),
        readUser: (user, ...of) => does(null, () => store.readUser(user, ...of)),
        claim: (of) => does('claiming', () => store.claim(of)),
        hold: (of) => does(of.phase === 'called' ? 'calling' : null, () => store.hold(of)),
        release: (of) => does(null, () => store.release(of)),
        apply: (change) => does('writing', () => store.apply(change)),
        settle: (refs) => does(null, () => store.settle(refs)),
      },
      journal: {
        ...journal,
        record: (entry) => {
          audited += 1;
          return does(audited === 1 ? 'auditing the intent' : 'auditing the result', () => journal.record(entry));
        },
        publish: (user, event) => does('telling', () => journal.publish(user, event)),
      },
      providers: {
        ...providers,
        refresh: (...of) => does('asking', () => providers.refresh(...of)),
        introspect: (...of) => does('introspecting', () => providers.introspect(...of)),
      },
    },
  };
};
