/** A kind of stored row. */
export type RowKind = 'record' | 'user' | 'dedupe' | 'pending' | 'due';

/**
 * A stored row that this library can't have written: a broken invariant. A retry does not help. The message names the kind of row,
 * and the stream entry of a pending transition, but never a user or a value.
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
