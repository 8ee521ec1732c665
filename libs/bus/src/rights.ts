import { brokerErrorOf } from './errors.ts';

/** A Kafka operation on a topic or a consumer group, as in an ACL. */
export interface RequiredRight {
  readonly operation: 'READ' | 'WRITE' | 'DESCRIBE';
  readonly resource: 'topic' | 'group';
  /** The resource's name; `*` at its end marks a prefix. */
  readonly name: string;
}

/**
 * The brokers refuse what an ACL has to allow. Retrying does not help before the ACL is there. The text names principal, operation
 * and resource, and no more.
 */
export class RightMissing extends Error {
  override readonly name = 'RightMissing';
  readonly principal: string | null;
  readonly operation: RequiredRight['operation'];
  readonly resource: RequiredRight['resource'];
  readonly resourceName: string;
  constructor(principal: string | null, right: RequiredRight, options?: ErrorOptions) {
    const { operation, resource, name } = right;
    super(
      `${principal ?? "this client's principal"} lacks the right ${operation} on ${resource} ${name}; add an ACL that allows it`,
      options,
    );
    this.principal = principal;
    this.operation = operation;
    this.resource = resource;
    this.resourceName = name;
  }
}

const RESOURCE_OF: Readonly<Record<string, RequiredRight['resource']>> = {
  TOPIC_AUTHORIZATION_FAILED: 'topic',
  GROUP_AUTHORIZATION_FAILED: 'group',
};

/** Whether the brokers refused access to a topic or a group. undefined: neither. */
export const refusedResourceOf = (error: unknown): RequiredRight['resource'] | undefined =>
  RESOURCE_OF[brokerErrorOf(error) ?? ''];

/** How long a refused write counts after the last refusal, in ms: nothing else shows that the right is back. */
const WRITE_REFUSAL_MS = 60_000;

/** The rights that the brokers refuse to this client at present. */
export class Rights {
  readonly #principal: string | null;
  readonly #missing = new Map<string, { readonly error: RightMissing; readonly until: number }>();

  constructor(principal: string | null) {
    this.#principal = principal;
  }

  /** The error for a refused resource; any other error unchanged. */
  explain(error: unknown, rights: readonly RequiredRight[]): unknown {
    if (error instanceof RightMissing) return error;
    const resource = refusedResourceOf(error);
    const right = rights.find((one) => one.resource === resource);
    return right === undefined ? error : new RightMissing(this.#principal, right, { cause: error });
  }

  /** The right is missing, until {@link granted}. */
  refused(error: RightMissing): void {
    this.#missing.set(keyOf(error), { error, until: Number.POSITIVE_INFINITY });
  }

  /** A write was refused. It counts for a minute, or until {@link granted}. */
  writeRefused(topic: string, cause: unknown, now: number): RightMissing {
    const right: RequiredRight = { operation: 'WRITE', resource: 'topic', name: topic };
    const error = new RightMissing(this.#principal, right, { cause });
    this.#missing.set(keyOf(error), { error, until: now + WRITE_REFUSAL_MS });
    return error;
  }

  /** The brokers have allowed it. Cheap while nothing is missing. */
  granted({ operation, resource, name }: RequiredRight): void {
    if (this.#missing.size > 0) this.#missing.delete(`${operation} ${resource} ${name}`);
  }

  /** The first right that is missing at present; null: none is known. */
  missing(now: number): RightMissing | null {
    for (const [key, { error, until }] of this.#missing) {
      if (until > now) return error;
      this.#missing.delete(key);
    }
    return null;
  }
}

const keyOf = ({ operation, resource, resourceName }: RightMissing): string =>
  `${operation} ${resource} ${resourceName}`;
