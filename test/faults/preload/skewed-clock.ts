/** Loaded before a service (`--import <this file>?ms=-30000`): its wall clock is so many milliseconds ahead. */
const ms = Number(new URL(import.meta.url).searchParams.get('ms'));
if (!Number.isInteger(ms) || ms === 0) throw new Error('ms is a whole number of milliseconds');

const RealDate = Date;
const now = (): number => RealDate.now() + ms;

globalThis.Date = new Proxy(RealDate, {
  apply: () => new RealDate(now()).toString(),
  construct: (_target, given: []) => (given.length === 0 ? new RealDate(now()) : new RealDate(...given)),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
