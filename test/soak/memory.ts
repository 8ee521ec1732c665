/** The memory of a process at a time. */
export interface MemorySample {
  /** Milliseconds on any clock that only goes on. */
  readonly at: number;
  /** Resident set, bytes. */
  readonly rss: number;
  /** V8's used heap, bytes, garbage included. */
  readonly heap: number;
}

/** A process whose memory is watched. */
export interface MemoryWatch {
  readonly samples: readonly MemorySample[];
  readonly stop: () => Promise<void>;
}

const EVERY_MS = 1_000;

/** Reads `/metrics` of a service every second. One that does not answer in time, because it stands still, has no sample then. */
export const watchMemory = (operations: string): MemoryWatch => {
  const samples: MemorySample[] = [];
  const stopping = new AbortController();
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const sample = await sampleOf(operations).catch(() => null);
      if (sample !== null) samples.push(sample);
      await pause(EVERY_MS, stopping.signal);
    }
  })();
  return {
    samples,
    stop: async () => {
      stopping.abort();
      await watching;
    },
  };
};

const sampleOf = async (operations: string): Promise<MemorySample | null> => {
  const response = await fetch(`${operations}/metrics`, { signal: AbortSignal.timeout(EVERY_MS) });
  const text = await response.text();
  const rss = gaugeOf(text, 'process_resident_memory_bytes');
  const heap = gaugeOf(text, 'nodejs_heap_size_used_bytes');
  return rss === null || heap === null ? null : { at: performance.now(), rss, heap };
};

const gaugeOf = (metrics: string, name: string): number | null => {
  const line = metrics.split('\n').find((each) => each.startsWith(`${name}{`) || each.startsWith(`${name} `));
  return line === undefined ? null : Number(line.slice(line.lastIndexOf(' ') + 1));
};

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
