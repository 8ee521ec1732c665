import { describe, expect, it } from 'vitest';
import { ChangeFeed } from './change-feed.ts';

const taken = async (feed: ChangeFeed<string>, count: number): Promise<readonly string[]> => {
  const ids: string[] = [];
  const reading = feed.read();
  for (let at = 0; at < count; at += 1) {
    const next = await reading.next();
    if (next.done) break;
    ids.push(next.value);
  }
  return ids;
};

describe('ChangeFeed', () => {
  it('yields each id once, in the order of the first changes', async () => {
    const feed = new ChangeFeed<string>();
    for (const id of ['a', 'b', 'a', 'c', 'b', 'a']) feed.push(id);
    expect(feed.size).toBe(3);
    expect(await taken(feed, 3)).toEqual(['a', 'b', 'c']);
  });

  it('yields an id again if it changes after it was read', async () => {
    const feed = new ChangeFeed<string>();
    feed.push('a');
    expect(await taken(feed, 1)).toEqual(['a']);
    feed.push('a');
    expect(await taken(feed, 1)).toEqual(['a']);
  });

  it('wakes a waiting reader', async () => {
    const feed = new ChangeFeed<string>();
    const first = taken(feed, 1);
    await Promise.resolve();
    feed.push('late');
    expect(await first).toEqual(['late']);
  });

  it('ends a waiting reader, and a later one, when stopped', async () => {
    const feed = new ChangeFeed<string>();
    const waits = taken(feed, 1);
    await Promise.resolve();
    feed.push('a');
    feed.stop();
    feed.push('b');
    expect(await waits).toEqual([]);
    expect([feed.size, await taken(feed, 1)]).toEqual([0, []]);
  });

  it('yields the queued ids before a failure', async () => {
    const feed = new ChangeFeed<string>();
    feed.push('a');
    feed.fail(new Error('gone'));
    const reading = feed.read();
    expect(await reading.next()).toEqual({ value: 'a', done: false });
    await expect(reading.next()).rejects.toThrow('gone');
  });
});
