import type { Codec, ConnectionState } from '@vault-engine/contracts';
import { isRecord } from '@vault-engine/contracts';
import type { UserId } from '@vault-engine/model';
import { digestOf, type StateRecord, supersedes, Tombstones } from '@vault-engine/state';

/**
 * The snapshots of all users. Each is stored as one string of its encoded bytes and decoded on demand. Such a string takes
 * a third of the memory of a Buffer, and does not keep the batch that it was read from in memory.
 */
export class StateTable {
  readonly #codec: Codec<'ConnectionState' | 'PlatformEntry'>;
  readonly #now: () => number;
  readonly #packed = new Map<UserId, string>();
  readonly #tombstones = new Tombstones();

  /** @param now Unix milliseconds */
  constructor(codec: Codec<'ConnectionState' | 'PlatformEntry'>, now: () => number) {
    this.#codec = codec;
    this.#now = now;
  }

  get size(): number {
    return this.#packed.size;
  }

  users(): IterableIterator<UserId> {
    return this.#packed.keys();
  }

  get(user: UserId): ConnectionState | null {
    const packed = this.#packed.get(user);
    return packed === undefined ? null : this.#unpack(packed);
  }

  /** Applies the next record of the log. Returns whether it changed the user's state. */
  take(record: StateRecord): boolean {
    if (record.kind !== 'snapshot' && record.kind !== 'tombstone') return false;
    const { user, revision } = record;
    const known = this.get(user);
    if (!supersedes(revision, known?.revision ?? this.#tombstones.get(user))) return false;
    if (record.kind === 'tombstone') {
      this.#packed.delete(user);
      this.#tombstones.set(user, revision, this.#now());
      return known !== null;
    }
    this.#tombstones.delete(user);
    this.#packed.set(user, this.#codec.encode('ConnectionState', record.state).toString('latin1'));
    return known?.revision !== revision || digestOf(known) !== digestOf(record.state);
  }

  /** Synchronous, because the snapshot was encoded with this codec's own schema. */
  #unpack(packed: string): ConnectionState {
    const decoded = this.#codec.decode(Buffer.from(packed, 'latin1'));
    if (decoded instanceof Promise || !isRecord(decoded, 'ConnectionState'))
      throw new Error('a stored snapshot does not decode');
    return decoded.value;
  }
}
