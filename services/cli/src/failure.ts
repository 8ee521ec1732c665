/** sysexits.h: what scripts can tell the exits apart by. */
export const EXIT = { ok: 0, failed: 1, usage: 2, configuration: 78 } as const;

/** A command did not do what it was asked, for a reason that people can act upon. The message holds no secret. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
