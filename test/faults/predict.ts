/** One command of the traffic. */
export interface Step {
  readonly kind: 'store' | 'get' | 'status' | 'revoke' | 'forget';
  readonly user: string;
  readonly platform: string;
  /** What `store` stores: another one each time. */
  readonly token: string;
  /** Unix milliseconds. Part of what is stored, hence the same over all repetitions, as the idempotency key is. */
  readonly expiresAt: number;
  readonly idempotencyKey: string;
}

/** A user, as all answered commands left it. */
export interface UserState {
  /** Whether the vault has a row of the user. */
  readonly known: boolean;
  /** Access tokens by platform. */
  readonly tokens: ReadonlyMap<string, string>;
}

/** A change of a connection, as the events tell it; without a platform: of the whole user. */
export type Change = `${'CONNECTED' | 'RECONNECTED' | 'REVOKED'} ${string}` | 'FORGOTTEN';

/** What a step has to come to. */
export interface Prediction {
  /** The answer as text: a token, a number, `stored`, `revoked`, an error code. */
  readonly answer: string;
  /** The one effect; null: there is none. */
  readonly change: Change | null;
  readonly next: UserState;
}

/** A user whom the vault has never heard of. */
export const UNKNOWN_USER: UserState = { known: false, tokens: new Map() };

/** The vault in a few lines: what a step answers and changes, given all steps of the user before it. */
export const predict = (state: UserState, { kind, platform, token }: Step): Prediction => {
  const { tokens } = state;
  const unchanged = (answer: string): Prediction => ({ answer, change: null, next: state });
  switch (kind) {
    case 'store':
      return {
        answer: 'stored',
        change: `${tokens.has(platform) ? 'RECONNECTED' : 'CONNECTED'} ${platform}`,
        next: { known: true, tokens: new Map([...tokens, [platform, token]]) },
      };
    case 'get':
      return unchanged(tokens.get(platform) ?? 'not_connected');
    case 'status':
      return unchanged([...tokens.keys()].sort().join());
    case 'revoke':
      return tokens.has(platform)
        ? {
            answer: 'revoked',
            change: `REVOKED ${platform}`,
            next: { known: true, tokens: new Map([...tokens].filter(([name]) => name !== platform)) },
          }
        : unchanged('not_connected');
    case 'forget':
      return { answer: String(tokens.size), change: state.known ? 'FORGOTTEN' : null, next: UNKNOWN_USER };
  }
};
