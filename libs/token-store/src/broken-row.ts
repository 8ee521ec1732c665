/** Which kind of stored row is meant. */
export type RowKind = 'record' | 'user' | 'dedupe' | 'pending' | 'due';

/**
 * A stored row is not what this library writes: a broken invariant, which no repetition heals. Names the kind of row
 * (and of a pending one where it lies), never a user and never a value.
 */
export class BrokenRow extends Error {
  override readonly name = 'BrokenRow';
  /** For logs. */
  readonly code: `broken_${RowKind}`;
  readonly kind: RowKind;
  constructor(kind: RowKind, what: string) {
    super(`broken ${kind} row: ${what}`);
    this.kind = kind;
    this.code = `broken_${kind}`;
  }
}
