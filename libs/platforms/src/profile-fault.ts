/** One fault of a profile, where a person can find it. Lines and columns count from 1. */
export interface ProfileFault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** `file:line:column message`, a line each: editors and terminals make links of it. */
export const formatFaults = (faults: readonly ProfileFault[]): string =>
  faults.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`).join('\n');
