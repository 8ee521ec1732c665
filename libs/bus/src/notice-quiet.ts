import type { Consumer } from 'kafkajs';

/**
 * The end of a log can lie below its high watermark (what stood there was compacted away): when every broker has answered
 * some fetches in a row and no batch came of them, all is read. Answers how to begin counting anew.
 */
export function noticeQuiet(consumer: Consumer, onQuiet: () => void): () => void {
  const emptyFetches = new Map<number, number>();
  const stir = () => {
    for (const node of emptyFetches.keys()) emptyFetches.set(node, 0);
  };
  consumer.on(consumer.events.GROUP_JOIN, stir);
  consumer.on(consumer.events.START_BATCH_PROCESS, stir);
  consumer.on(consumer.events.FETCH_START, ({ payload }) => {
    if (!emptyFetches.has(payload.nodeId)) emptyFetches.set(payload.nodeId, 0);
  });
  consumer.on(consumer.events.FETCH, ({ payload: { nodeId } }) => {
    emptyFetches.set(nodeId, (emptyFetches.get(nodeId) ?? 0) + 1);
    if (Math.min(...emptyFetches.values()) >= EMPTY_FETCHES) onQuiet();
  });
  return stir;
}

/** A fetch is counted before its batches arrive, and one that was under way at a resume still leaves out what was paused. */
const EMPTY_FETCHES = 4;
