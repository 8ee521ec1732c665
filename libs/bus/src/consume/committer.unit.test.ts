import { expect, it, vi } from 'vitest';
import { CommitLedger } from './commit-ledger.ts';
import { Committer } from './committer.ts';

/** A committer of one partition with one finished record. */
const openCommitter = () => {
  const ledger = new CommitLedger();
  const delivery = ledger.deliver({
    topic: 't',
    partition: 0,
    offset: 0n,
    timestamp: 0,
    key: null,
    value: null,
    headers: {},
  });
  if (delivery.kind === 'known') throw new Error('expected a new record');
  ledger.finish(delivery.entry);
  const committer = new Committer(
    () => [{ topic: 't', partition: 0, ledger }],
    () => undefined,
  );
  const send = vi.fn(async () => undefined);
  committer.use(send);
  return { committer, send };
};

it('commits nothing while suspended, and continues when resumed', async () => {
  const { committer, send } = openCommitter();
  committer.suspend();
  await committer.commit();
  expect(send).not.toHaveBeenCalled();
  committer.resume();
  await committer.commit();
  expect(send).toHaveBeenCalledExactlyOnceWith([{ topic: 't', partition: 0, offset: 1n }]);
});

it('continues after it was suspended twice', async () => {
  const { committer, send } = openCommitter();
  committer.suspend();
  committer.suspend();
  committer.resume();
  await committer.commit();
  expect(send).toHaveBeenCalledOnce();
});

it('commits nothing in a closed epoch, suspended or not', async () => {
  const { committer, send } = openCommitter();
  committer.suspend();
  committer.close();
  committer.resume();
  await committer.commit();
  expect(send).not.toHaveBeenCalled();
});
