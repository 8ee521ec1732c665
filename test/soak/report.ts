import { type Growth, growthOf } from './growth.ts';
import type { MemorySample } from './memory.ts';
import type { Round } from './run-round.ts';

/** By how much a process may grow after its warm-up, however long the soak is. Bytes; README.md says where they come from. */
const BOUND = { heap: 8 * 2 ** 20, rss: 32 * 2 ** 20 };

/** The processes whose memory is judged. */
export type Watched = ReadonlyMap<string, readonly MemorySample[]>;

/** What a soak has come to so far. */
export class SoakReport {
  readonly #began = performance.now();
  readonly #seed: number;
  readonly #watched: Watched;
  readonly #faults = new Map<string, number>();
  readonly #rounds: Round[] = [];
  readonly #breaches: string[] = [];
  #news: string[] = [];

  constructor(seed: number, watched: Watched) {
    this.#seed = seed;
    this.#watched = watched;
  }

  fault(name: string, tookMs: number): void {
    this.#faults.set(name, (this.#faults.get(name) ?? 0) + 1);
    this.#news.push(`${name} (${(tookMs / 1_000).toFixed(1)} s)`);
  }

  round(round: Round): void {
    this.#rounds.push(round);
    this.#breaches.push(...round.breaches);
    this.#news.push(`round ${this.#rounds.length} checked: ${round.breaches.length} breaches`);
  }

  breach(what: string): void {
    this.#breaches.push(what);
  }

  /** How it goes, with what happened since the last line. */
  line(answers: number): string {
    const news = this.#news.splice(0).join(', ');
    const memory = [...this.#watched].map(([name, samples]) => `${name} ${megabytes(samples.at(-1)?.rss)}`);
    return `${clock(performance.now() - this.#began)} · ${answers} answers · ${memory.join(', ')}${news === '' ? '' : ` · ${news}`}`;
  }

  /** Whether all of it held. To be asked at the end. */
  isGood(): boolean {
    return this.#breaches.length === 0 && this.#grown().length === 0;
  }

  summary(): readonly string[] {
    const sum = (of: keyof Round['checked']): number =>
      this.#rounds.reduce((total, { checked }) => total + checked[of], 0);
    const faults = [...this.#faults].map(([name, count]) => `${name} ×${count}`);
    const broken = [...this.#breaches, ...this.#grown()];
    return [
      '',
      `soak · ${clock(performance.now() - this.#began)}, VAULT_SEED=${this.#seed}, ${this.#rounds.length} rounds`,
      `faults · ${faults.join(', ')}`,
      `commands · ${sum('commands')}, of them ${sum('answeredAgain')} answered again and ${sum('recalled')} from their dedupe record; ${sum('effects')} effects; ${sum('errors')} retryable errors seen by callers`,
      ...this.#judged().map(({ name, of, growth }) => `memory · ${name} ${of}: ${told(growth, BOUND[of])}`),
      ...broken.slice(0, 20).map((what) => `✗ ${what}`),
      broken.length === 0 ? '✓ the invariant held in every round' : `✗ ${broken.length} breaches`,
    ];
  }

  #grown(): readonly string[] {
    return this.#judged()
      .filter(({ of, growth }) => growth !== null && growth.rise > BOUND[of])
      .map(({ name, of, growth }) => `the memory of ${name} is not flat: ${of} ${told(growth, BOUND[of])}`);
  }

  #judged() {
    const kinds = ['heap', 'rss'] as const;
    return [...this.#watched].flatMap(([name, samples]) =>
      kinds.map((of) => ({ name, of, growth: growthOf(samples, of) })),
    );
  }
}

const told = (growth: Growth | null, bound: number): string =>
  growth === null
    ? 'too short a run to judge'
    : `${megabytes(growth.from)} and ${growth.rise < 0 ? '−' : '+'}${megabytes(Math.abs(growth.rise))}, at most +${megabytes(bound)}`;

const megabytes = (bytes: number | undefined): string =>
  bytes === undefined ? '?' : `${(bytes / 2 ** 20).toFixed(0)} MiB`;

const clock = (ms: number): string => {
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
};
