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

describe('a feed of changes', () => {
  it('hands out each id once, however often it changed, in the order in which they first did', async () => {
    const feed = new ChangeFeed<string>();
    for (const id of ['a', 'b', 'a', 'c', 'b', 'a']) feed.push(id);
    expect(feed.waiting).toBe(3);
    expect(await taken(feed, 3)).toEqual(['a', 'b', 'c']);
  });

  it('hands out again what changed after it was handed out', async () => {
    const feed = new ChangeFeed<string>();
    feed.push('a');
    expect(await taken(feed, 1)).toEqual(['a']);
    feed.push('a');
    expect(await taken(feed, 1)).toEqual(['a']);
  });

  it('wakes a reader who waits', async () => {
    const feed = new ChangeFeed<string>();
    const first = taken(feed, 1);
    await Promise.resolve();
    feed.push('late');
    expect(await first).toEqual(['late']);
  });

  it('ends a reader who waits, and one who has not begun, when it is stopped', async () => {
    const feed = new ChangeFeed<string>();
    const waits = taken(feed, 1);
    await Promise.resolve();
    feed.push('a');
    feed.stop();
    feed.push('b');
    expect(await waits).toEqual([]);
    expect([feed.waiting, await taken(feed, 1)]).toEqual([0, []]);
  });

  it('hands out what waits before it tells of a failure', async () => {
    const feed = new ChangeFeed<string>();
    feed.push('a');
    feed.fail(new Error('gone'));
    const reading = feed.read();
    expect(await reading.next()).toEqual({ value: 'a', done: false });
    await expect(reading.next()).rejects.toThrow('gone');
  });
});
