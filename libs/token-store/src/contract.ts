import type { BranchKeyStore, TokenStore } from '@vault-engine/vault';
import { afterAll, beforeAll, describe } from 'vitest';
import { allUsersAreFound } from './contract/all-users-are-found.ts';
import { branchKeysAreKept } from './contract/branch-keys-are-kept.ts';
import { changesAreAtomic } from './contract/changes-are-atomic.ts';
import { changesEndLeases } from './contract/changes-end-leases.ts';
import { changesLeaveDedupeRecords } from './contract/changes-leave-dedupe-records.ts';
import { dueConnectionsAreTaken } from './contract/due-connections-are-taken.ts';
import { flowsAreKept } from './contract/flows-are-kept.ts';
import { leasesHaveOneHolder } from './contract/leases-have-one-holder.ts';
import { oneProcessDrains } from './contract/one-process-drains.ts';
import { partitionCountsAreDated } from './contract/partition-counts-are-dated.ts';
import { readsReturnWhatWasWritten } from './contract/reads-return-what-was-written.ts';
import { readsSeeEveryChange } from './contract/reads-see-every-change.ts';
import { transitionsStayPending } from './contract/transitions-stay-pending.ts';

/** An adapter on an empty store. */
export interface OpenedStore {
  readonly store: TokenStore & { readonly branchKeys: BranchKeyStore };
  /** A second store on the same data, as another process has it. The test closes it. */
  readonly openAnother: () => Promise<TokenStore>;
  /** Closes the store and the parts that it uses. */
  readonly close: () => Promise<void>;
}

/**
 * Registers the tests that every adapter of `TokenStore` must pass. `open` is called once and all tests share its store; each test
 * uses its own users.
 */
export const tokenStoreContract = (adapter: string, open: () => Promise<OpenedStore>): void => {
  describe(`token store contract: ${adapter}`, () => {
    let opened: OpenedStore | undefined;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.close());
    const store = (): OpenedStore['store'] => {
      if (opened === undefined) throw new Error('the store is not open');
      return opened.store;
    };
    readsReturnWhatWasWritten(store);
    readsSeeEveryChange(store);
    changesAreAtomic(store);
    changesLeaveDedupeRecords(store);
    transitionsStayPending(store);
    oneProcessDrains(store, () => opened?.openAnother() ?? Promise.reject(new Error('the store is not open')));
    leasesHaveOneHolder(store);
    changesEndLeases(store);
    flowsAreKept(store);
    dueConnectionsAreTaken(store);
    allUsersAreFound(store);
    branchKeysAreKept(() => store().branchKeys);
    partitionCountsAreDated(store);
  });
};
