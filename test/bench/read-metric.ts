/** A histogram of a service, so far. */
export interface HistogramSoFar {
  readonly count: number;
  readonly sum: number;
}

/** Reads a histogram without labels from where a service serves its metrics. */
export const readHistogram = async (operations: string, name: string): Promise<HistogramSoFar> => {
  const text = await (await fetch(`${operations}/metrics`)).text();
  return { count: firstValue(text, `${name}_count`), sum: firstValue(text, `${name}_sum`) };
};

/** The value of the first line of the Prometheus text that has this name; NaN where there is none. */
const firstValue = (text: string, name: string): number => {
  const line = text.split('\n').find((each) => each.startsWith(`${name} `) || each.startsWith(`${name}{`));
  return line === undefined ? Number.NaN : Number(line.slice(line.lastIndexOf(' ') + 1));
};
