import { canon } from './canon.ts';
import { sha256 } from './mac.ts';

/** The metadata that is stored with a token in the clear. */
export interface ClearMetadata {
  readonly tokenType: string;
  readonly scopes: readonly string[];
  /** Unix milliseconds, or null. */
  readonly expiresAt: number | null;
  /** Unix milliseconds, or null. */
  readonly refreshExpiresAt: number | null;
  readonly params: Readonly<Record<string, string>>;
}

const LABEL = 'VE/meta/v1';

/**
 * SHA-256 of `canon("VE/meta/v1", token type, canon(scope…), expires at, refresh expires at, canon(name, value, …))`,
 * with times in decimal, or empty for null. Parameters are sorted by name (UTF-8), so a store may keep them in any order.
 * The order of scopes is significant.
 */
export const metadataHash = (metadata: ClearMetadata): Buffer =>
  sha256(
    canon(
      LABEL,
      metadata.tokenType,
      canon(...metadata.scopes),
      timeText(metadata.expiresAt),
      timeText(metadata.refreshExpiresAt),
      canon(...sortedParams(metadata.params)),
    ),
  );

const timeText = (time: number | null): string => (time === null ? '' : String(time));

const sortedParams = (params: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(params)
    .sort(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
    .flat();
