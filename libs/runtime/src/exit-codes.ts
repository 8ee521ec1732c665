/** sysexits.h EX_CONFIG. */
export const EXIT_CONFIG = 78;

/** Errors that repeating does not heal and an operator can: their messages say what to change, in full. */
const REFUSALS: ReadonlySet<string> = new Set([
  'ConfigRefused',
  'KeyFileRefused',
  'ProfilesRefused',
  'StoreNotDurable',
]);

/** Whether somebody has to change something before the service can run. */
export const isRefusal = (error: unknown): error is Error => error instanceof Error && REFUSALS.has(error.name);

/** What a service that ends with `error` exits with. */
export const exitCodeOf = (error: unknown): number => (isRefusal(error) ? EXIT_CONFIG : 1);

/** Tells a person, beside the log: several lines, uncut. The messages of refusals hold no value of a secret. */
export const sayRefusal = (service: string, { message }: Error): void => {
  process.stderr.write(`${service}: ${message}\n`);
};
