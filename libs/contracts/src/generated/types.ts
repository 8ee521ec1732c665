// Generated from schemas/ by `npm run generate`. Do not edit.

/** One partition of the audit log, up to an offset. */
export interface PartitionSeal {
  /** The partition's number. */
  readonly partition: number;
  /** The first offset that the root does not cover. */
  readonly next_offset: number;
  /** RFC 6962 root over the partition's records below next_offset. */
  readonly root: Buffer;
}

/** The last record of one writer's chain. */
export interface EpochHead {
  /** The writer's epoch. */
  readonly epoch: string;
  /** The sequence number of its last record. */
  readonly seq: number;
  /** The hash of its last record. */
  readonly hash: Buffer;
}

/** What the sealer saw of the audit log, signed. Each checkpoint continues the one before it. */
export interface AuditCheckpoint {
  /** 1 for the first checkpoint of this sealer, and one more each time. */
  readonly number: number;
  /** Who signs. Equal to the message key. */
  readonly sealer: string;
  /** SHA-256 of the checkpoint before it; null for the first. */
  readonly previous: Buffer | null;
  /** When it was made. */
  readonly created_at: number;
  /** Every partition of the audit log. */
  readonly partitions: readonly PartitionSeal[];
  /** Every open epoch. */
  readonly heads: readonly EpochHead[];
  /** The key that the signature was made with. */
  readonly key_id: string;
  /** Signature over all other fields. */
  readonly signature: Buffer;
}

/** One operation, as the auditor reads it: no token, no hash of one. Sequence, predecessor, hash and signature of the writer's chain travel as Kafka headers and not in the record, so that the hash covers these bytes as they stand. */
export interface AuditRecord {
  /** UUID. The same when the same record is written again. */
  readonly record_id: string;
  /** The command id, a canonical UUID; null for counted records and for the vault's own operations. */
  readonly request_id: string | null;
  /** The user that it was about; null where none is known. */
  readonly user_id: string | null;
  /** The platform that it was about; null where none is known. */
  readonly platform: string | null;
  /** When it was decided. */
  readonly time: number;
  /** Who asked: an engine's id, as claimed where the record counts unauthenticated attempts, or the service that acted by itself. */
  readonly engine: string;
  /** The kid that the request was signed with; null where nothing valid was. */
  readonly key_id: string | null;
  /** The command type, e.g. GetToken, or the name of another operation. */
  readonly action: string;
  /** ok, the error code, or started: a second record of the same request says how it ended. */
  readonly result: string;
  /** Why, from a closed list where the result has several causes. */
  readonly reason: string | null;
  /** The version of the record that was read or written. */
  readonly record_version: number | null;
  /** 1, or how many unauthenticated attempts this record counts. */
  readonly count: number;
}

/** Deletes everything that the vault holds of a user, the user's data key first. Mutating. Answered with UserForgotten. */
export interface ForgetUser {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
}

/** Asks how all of a user's connections stand. Read-only. Answered with StatusSnapshot. */
export interface GetStatus {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
}

/** Asks for a usable access token. Read-only. Answered with TokenIssued. */
export interface GetToken {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** How long the token has to be usable yet; null leaves it to the vault. */
  readonly min_validity_seconds: number | null;
  /** The token_version that the provider has just rejected: that one is not handed out again. */
  readonly rejected_version: number | null;
}

/** Revokes one connection and deletes its credentials. Mutating. Answered with TokenRevoked. */
export interface RevokeToken {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
}

/** Says that the user has begun to connect a platform, so that an abandoned flow is seen. Mutating. Answered with ConnectionStarted. */
export interface StartConnection {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** The caller's name for the flow, 1 to 128 of A-Z a-z 0-9 . _ ~ : -, no secret; null lets the vault choose one. */
  readonly flow_id: string | null;
}

/** Stores the credentials of one connection, new or in place of the old ones. Mutating. Answered with TokenStored. */
export interface StoreToken {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** The access token, sealed for the vault (PROTOCOL.md). */
  readonly access_token: Buffer;
  /** The refresh token, sealed for the vault; null where the provider gave none. */
  readonly refresh_token: Buffer | null;
  /** When the access token lapses; null where nobody said. */
  readonly expires_at: number | null;
  /** The scopes that the provider granted. */
  readonly scopes: readonly string[];
  /** RFC 6749 section 7.1. */
  readonly token_type: string;
  /** When the refresh token lapses; null where nobody said. */
  readonly refresh_expires_at: number | null;
  /** Facts of the connection that a caller needs beside the token, e.g. an instance URL. Never a secret. */
  readonly params: Readonly<Record<string, string>>;
  /** The flow of StartConnection that this closes; the platform's open flow is closed without it too. */
  readonly flow_id: string | null;
  /** Whether the credentials may be of another account of the platform than the connection's; otherwise they are refused with account_mismatch. */
  readonly allow_account_change: boolean;
}

/** What happened. UNKNOWN is never written: it is what an older reader sees for a change that came later, and a reader then goes by the status or reads afresh. */
export type ConnectionChange = 'UNKNOWN' | 'CONNECTED' | 'RECONNECTED' | 'REVOKED' | 'FORGOTTEN' | 'EXPIRED' | 'RECOVERED' | 'FLOW_STARTED' | 'FLOW_ABANDONED' | 'RENEWED' | 'FAILING' | 'LAPSING';

/** How a connection stands. UNKNOWN is never written: it is what an older reader sees for a status that came later. */
export type ConnectionStatus = 'UNKNOWN' | 'CONNECTED' | 'EXPIRED' | 'MISSING';

/** What helps. NONE is also what an older reader sees for an action that came later. */
export type SuggestedAction = 'NONE' | 'REAUTH' | 'RETRY' | 'CONNECT' | 'RESUME';

/** A connection changed. A transition is published once for each change; a repetition carries the same event_id and revision. */
export interface ConnectionChanged {
  /** UUID. The same when the same event is published again. */
  readonly event_id: string;
  /** Equal to the message key. */
  readonly user_id: string;
  /** The platform's id; null: the whole user. */
  readonly platform: string | null;
  /** The user's revision after the change. Rises with every change of the user's connections. */
  readonly revision: number;
  /** When it changed. */
  readonly occurred_at: number;
  /** What happened. */
  readonly change: ConnectionChange;
  /** The engine whose command caused it; null: the vault itself, e.g. by time. */
  readonly engine: string | null;
  /** Why it stands so, from a closed list; null for a connection in good order. */
  readonly reason: string | null;
  /** How the connection stands after it; null where the event says nothing about it. */
  readonly status: ConnectionStatus | null;
  /** What helps after it; null where the event says nothing about it. */
  readonly suggested_action: SuggestedAction | null;
  /** When the access token lapses; null where nobody said. */
  readonly expires_at: number | null;
  /** When the connection can't go on without the user; null where nobody said. */
  readonly lapses_at: number | null;
}

/** How refreshing a connection goes. NONE: it is not refreshed, and is also what an older reader sees for what came later. */
export type Renewal = 'NONE' | 'GOOD' | 'FAILING' | 'DEAD';

/** One connection. */
export interface ConnectionSnapshot {
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** How the connection stands. */
  readonly status: ConnectionStatus;
  /** What helps. */
  readonly suggested_action: SuggestedAction;
  /** Why it stands so, from a closed list; null for a connection in good order. */
  readonly reason: string | null;
  /** When the access token lapses; null where nobody said. */
  readonly expires_at: number | null;
  /** When the connection can't go on without the user; null where nobody said. */
  readonly lapses_at: number | null;
  /** From when on the user is to be asked ahead of lapses_at; null: not ahead. */
  readonly reauth_from: number | null;
  /** How refreshing it goes: with it a reader can tell by itself how the connection stands later. */
  readonly renewal: Renewal;
  /** The scopes that the provider granted. */
  readonly scopes: readonly string[];
  /** Names the credentials; changes when they change. */
  readonly token_version: number;
}

/** One flow that was started and is not finished. */
export interface FlowSnapshot {
  /** The flow's name. */
  readonly flow_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** When StartConnection came. */
  readonly started_at: number;
  /** When the flow counts as abandoned. */
  readonly expires_at: number;
}

/** All that the sync engine needs to know about one user. A platform that is not listed is MISSING. A later message of the same key replaces it whole; a lower revision after a higher one is to be ignored. */
export interface ConnectionState {
  /** Equal to the message key. */
  readonly user_id: string;
  /** The user's revision that this snapshot shows. */
  readonly revision: number;
  /** When the snapshot was taken. */
  readonly as_of: number;
  /** The user's connections, ordered by platform. */
  readonly connections: readonly ConnectionSnapshot[];
  /** The user's open flows, ordered by platform and start. */
  readonly flows: readonly FlowSnapshot[];
}

/** One key of the engine. */
export interface EngineKey {
  /** Names the key, as in vek1.<kid>.<secret>. */
  readonly kid: string;
  /** pending, active, retiring or revoked. */
  readonly state: string;
  /** kafka or http. */
  readonly use: string;
  /** When it was made. */
  readonly created_at: number;
  /** The subkeys auth, c2v and v2c, wrapped. */
  readonly subkeys: Buffer;
  /** SHA-256 of the secret, for keys of use http; null for others. */
  readonly secret_digest: Buffer | null;
}

/** What the engine may do where: every operation of the list on every platform of the list. */
export interface Grant {
  /** Command types, e.g. GetToken; * for all. */
  readonly operations: readonly string[];
  /** Platform ids; * for all. */
  readonly platforms: readonly string[];
}

/** A token bucket for each worker. */
export interface RateLimit {
  /** Commands a second, lasting. */
  readonly per_second: number;
  /** Commands at once. */
  readonly burst: number;
}

/** One engine: its keys, what it may do, and how fast. Written by the CLI alone; the MAC needs KMS to make. */
export interface EngineEntry {
  /** The engine's id. Equal to the message key. */
  readonly engine: string;
  /** Rises with every change of the entry. */
  readonly revision: number;
  /** The data key that wraps the subkeys and makes the MAC, as KMS wrapped it. */
  readonly wrapped_key: Buffer;
  /** Its keys; two are usable at once. */
  readonly keys: readonly EngineKey[];
  /** What the engine may do. */
  readonly grants: readonly Grant[];
  /** How fast the engine may ask. */
  readonly rate: RateLimit;
  /** MAC over all other fields. */
  readonly mac: Buffer;
}

/** One platform that the vault knows. */
export interface PlatformEntry {
  /** The platform's id. Equal to the message key. */
  readonly platform: string;
  /** The name that people know it by, e.g. Google Calendar. */
  readonly display_name: string;
}

/** The command was refused or failed. DESIGN has the table of codes. */
export interface CommandFailed {
  /** A code of the table, e.g. not_connected. */
  readonly error_code: string;
  /** For people. Holds no value of the command. */
  readonly message: string;
  /** What the caller can do about it, as in the table, e.g. connect. */
  readonly suggested_action: string;
  /** How long to wait before the same command makes sense again; null where nothing is known. */
  readonly retry_after_ms: number | null;
}

/** The flow is noted. */
export interface ConnectionStarted {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** The flow's name, for StoreToken.flow_id. */
  readonly flow_id: string;
  /** When the flow counts as abandoned. */
  readonly expires_at: number;
  /** The user's revision after the change. */
  readonly revision: number;
}

/** One platform, as it stands for the user. */
export interface PlatformStatus {
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** The name that people know the platform by. */
  readonly display_name: string;
  /** How the connection stands. */
  readonly status: ConnectionStatus;
  /** What helps. */
  readonly suggested_action: SuggestedAction;
  /** Why it stands so, from a closed list; null for a connection in good order. */
  readonly reason: string | null;
  /** When the access token lapses; null where nobody said. */
  readonly expires_at: number | null;
  /** When the connection can't go on without the user; null where nobody said. */
  readonly lapses_at: number | null;
  /** The scopes that the provider granted. */
  readonly scopes: readonly string[];
}

/** How a user's connections stand, missing platforms included. */
export interface StatusSnapshot {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The user's revision; 0 where the vault has nothing of the user. */
  readonly revision: number;
  /** Every platform that the engine may see, connected or not, ordered by its id. */
  readonly connections: readonly PlatformStatus[];
}

/** A usable access token. The refresh token never leaves the vault. */
export interface TokenIssued {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** The access token, sealed for the engine that asked (PROTOCOL.md). */
  readonly access_token: Buffer;
  /** RFC 6749 section 7.1. */
  readonly token_type: string;
  /** When the access token lapses; null where nobody said. */
  readonly expires_at: number | null;
  /** The scopes that the provider granted. */
  readonly scopes: readonly string[];
  /** Names these credentials: what GetToken.rejected_version speaks of. */
  readonly token_version: number;
  /** Facts of the connection that a caller needs beside the token, e.g. an instance URL. Never a secret. */
  readonly params: Readonly<Record<string, string>>;
  /** Something to act upon although the token is usable, from a closed list; null where nothing is wrong. */
  readonly warning: string | null;
}

/** The connection is revoked and its credentials are deleted. */
export interface TokenRevoked {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** The user's revision after the change. */
  readonly revision: number;
  /** What became of the grant at the provider: revoked (it is ended, or was already), not_supported (the provider has no way, or the vault is not registered with it) or failed (it may live on there). Null where the vault that answers is older than this field. */
  readonly provider_outcome: string | null;
  /** Why it failed: no_token, token_unreadable, not_sent, no_answer, client_refused, refused, throttled or provider_error; null where it did not. */
  readonly provider_reason: string | null;
}

/** The credentials are stored. */
export interface TokenStored {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** Names these credentials; changes when they change. */
  readonly token_version: number;
  /** The user's revision after the change. */
  readonly revision: number;
}

/** Nothing of the user is left in the vault. */
export interface UserForgotten {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** How many connections there were; 0 for a user who was not known. */
  readonly connections: number;
}

/** Every record by name. */
export interface Records {
  readonly AuditCheckpoint: AuditCheckpoint;
  readonly AuditRecord: AuditRecord;
  readonly ForgetUser: ForgetUser;
  readonly GetStatus: GetStatus;
  readonly GetToken: GetToken;
  readonly RevokeToken: RevokeToken;
  readonly StartConnection: StartConnection;
  readonly StoreToken: StoreToken;
  readonly ConnectionChanged: ConnectionChanged;
  readonly ConnectionState: ConnectionState;
  readonly EngineEntry: EngineEntry;
  readonly PlatformEntry: PlatformEntry;
  readonly CommandFailed: CommandFailed;
  readonly ConnectionStarted: ConnectionStarted;
  readonly StatusSnapshot: StatusSnapshot;
  readonly TokenIssued: TokenIssued;
  readonly TokenRevoked: TokenRevoked;
  readonly TokenStored: TokenStored;
  readonly UserForgotten: UserForgotten;
}

