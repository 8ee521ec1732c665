import { expect, it, vi } from 'vitest';
import { CommitLedger } from './commit-ledger.ts';
import { Committer } from './committer.ts';

/** A committer of one partition, of which one record is done. */
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
  if (delivery.kind === 'known') throw new Error('it is new');
  ledger.finish(delivery.entry);
  const committer = new Committer(
    () => [{ topic: 't', partition: 0, ledger }],
    () => undefined,
  );
  const send = vi.fn(async () => undefined);
  committer.use(send);
  return { committer, send };
};

it('commits nothing while it is suspended, and goes on when it is resumed', async () => {
  const { committer, send } = openCommitter();
  committer.suspend();
  await committer.commit();
  expect(send).not.toHaveBeenCalled();
  committer.resume();
  await committer.commit();
  expect(send).toHaveBeenCalledExactlyOnceWith([{ topic: 't', partition: 0, offset: 1n }]);
});

it('goes on after it was suspended twice', async () => {
  const { committer, send } = openCommitter();
  committer.suspend();
  committer.suspend();
  committer.resume();
  await committer.commit();
  expect(send).toHaveBeenCalledOnce();
});

it('commits nothing by the way of an epoch that was closed, suspended or not', async () => {
  const { committer, send } = openCommitter();
  committer.suspend();
  committer.close();
  committer.resume();
  await committer.commit();
  expect(send).not.toHaveBeenCalled();
});
