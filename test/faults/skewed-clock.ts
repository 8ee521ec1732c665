/** What has a service's clock be so many milliseconds ahead. */
export const skewedClock = (ms: number): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--import=${new URL(`preload/skewed-clock.ts?ms=${ms}`, import.meta.url).href}`,
});
