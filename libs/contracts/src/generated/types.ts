// Generated from schemas/ by `npm run generate`. Do not edit.

/** A partition of the audit log, up to an offset. */
export interface PartitionSeal {
  /** The partition's number. */
  readonly partition: number;
  /** The first offset that the root does not cover. */
  readonly next_offset: number;
  /** The RFC 6962 root of the partition's records below next_offset. */
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

/** A signed summary of the audit log; each checkpoint continues the previous one. No service writes checkpoints yet. */
export interface AuditCheckpoint {
  /** 1 for the first checkpoint of the sealer; each next one is greater by 1. */
  readonly number: number;
  /** The sealer that signs. Equal to the message key. */
  readonly sealer: string;
  /** SHA-256 of the previous checkpoint; null for the first. */
  readonly previous: Buffer | null;
  /** When the key was created. */
  readonly created_at: number;
  /** Every partition of the audit log. */
  readonly partitions: readonly PartitionSeal[];
  /** Every open epoch. */
  readonly heads: readonly EpochHead[];
  /** The id of the signing key. */
  readonly key_id: string;
  /** The signature over all other fields. */
  readonly signature: Buffer;
}

/** One operation. Contains no token and no hash of a token. */
export interface AuditRecord {
  /** UUID. A repeated record has the same. */
  readonly record_id: string;
  /** The command id, a canonical UUID; null for counted records and for the vault's own operations. */
  readonly request_id: string | null;
  /** The user concerned; null where unknown. */
  readonly user_id: string | null;
  /** The platform concerned; null where unknown. */
  readonly platform: string | null;
  /** The time of the decision. */
  readonly time: number;
  /** The engine that sent the command, or the service that acted by itself. For counted unauthenticated attempts, the claimed engine. */
  readonly engine: string;
  /** The kid that signed the request; null where no signature was valid. */
  readonly key_id: string | null;
  /** The command type, e.g. GetToken, or the name of another operation. */
  readonly action: string;
  /** ok, an error code, or started; a second record of the same request has the outcome of a started one. */
  readonly result: string;
  /** The cause of the result, where it has several. */
  readonly reason: string | null;
  /** The version of the stored record that was read or written. */
  readonly record_version: number | null;
  /** The number of unauthenticated attempts that the record counts; otherwise 1. */
  readonly count: number;
}

/** Deletes all data of a user, beginning with the user's data key. Mutating. Answered with UserForgotten. */
export interface ForgetUser {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
}

/** Gets the status of all of a user's connections. Read-only. Answered with StatusSnapshot. */
export interface GetStatus {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
}

/** Gets a usable access token. Read-only. Answered with TokenIssued. */
export interface GetToken {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** The least remaining lifetime in seconds, 0 or more; null leaves it to the vault. */
  readonly min_validity_seconds: number | null;
  /** The token_version that the platform has rejected with 401. The vault does not issue that token again. */
  readonly rejected_version: number | null;
}

/** Reports that the provider has revoked a grant, as its own notice to the engine says. The connection turns EXPIRED with REAUTH; its history is kept and the provider is not called. Mutating. Answered with RevocationReported. */
export interface ReportRevoked {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** The token_version of the credentials that were revoked. A report about older credentials changes nothing. */
  readonly token_version: number;
}

/** Revokes one connection and deletes its credentials. Mutating. Answered with TokenRevoked. */
export interface RevokeToken {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
}

/** Records that the user has begun to connect a platform, so that an abandoned flow can be detected. Mutating. Answered with ConnectionStarted. */
export interface StartConnection {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** The caller's id for the flow, 1 to 128 of A-Z a-z 0-9 . _ ~ : -, never a secret; null lets the vault generate one. */
  readonly flow_id: string | null;
}

/** Stores the credentials of one connection and replaces earlier ones. Mutating. Answered with TokenStored. */
export interface StoreToken {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** The access token, sealed for the vault (PROTOCOL.md). */
  readonly access_token: Buffer;
  /** The refresh token, sealed for the vault; null where the provider gave none. */
  readonly refresh_token: Buffer | null;
  /** When the access token expires; null where unknown. */
  readonly expires_at: number | null;
  /** The scopes that the provider granted: at most 256, each a scope of RFC 6749 section 3.3. */
  readonly scopes: readonly string[];
  /** The token type of RFC 6749 section 7.1: 1 to 64 characters without spaces. */
  readonly token_type: string;
  /** When the refresh token expires; null where unknown. */
  readonly refresh_expires_at: number | null;
  /** Data that callers need together with the token, e.g. an instance URL: at most 32 entries. Never a secret. */
  readonly params: Readonly<Record<string, string>>;
  /** The flow of StartConnection that this completes. The platform's open flow is closed even without it. */
  readonly flow_id: string | null;
  /** Whether the credentials may belong to another account of the platform than the connection's. Otherwise such credentials are refused with account_mismatch. */
  readonly allow_account_change: boolean;
}

/** The kind of change. UNKNOWN is never written: an older reader sees it for a newer kind, and then uses the status, or reads the snapshot. */
export type ConnectionChange = 'UNKNOWN' | 'CONNECTED' | 'RECONNECTED' | 'REVOKED' | 'FORGOTTEN' | 'EXPIRED' | 'RECOVERED' | 'FLOW_STARTED' | 'FLOW_ABANDONED' | 'RENEWED' | 'FAILING' | 'LAPSING';

/** The status of a connection. UNKNOWN is never written: an older reader sees it for a newer status. */
export type ConnectionStatus = 'UNKNOWN' | 'CONNECTED' | 'EXPIRED' | 'MISSING';

/** What the user or the engine can do. An older reader also sees NONE for a newer action. */
export type SuggestedAction = 'NONE' | 'REAUTH' | 'RETRY' | 'CONNECT' | 'RESUME';

/** A connection changed. One event per change; a repeated event has the same event_id and revision. */
export interface ConnectionChanged {
  /** UUID. A repeated event has the same. */
  readonly event_id: string;
  /** Equal to the message key. */
  readonly user_id: string;
  /** The platform's id; null for a change of the whole user. */
  readonly platform: string | null;
  /** The user's revision after the change. It increases with every change of the user's connections. */
  readonly revision: number;
  /** The time of the change. */
  readonly occurred_at: number;
  /** The kind of change. */
  readonly change: ConnectionChange;
  /** The engine whose command caused the change; null for the vault itself, e.g. by time. */
  readonly engine: string | null;
  /** The reason of the status, from the closed list in PROTOCOL.md; null for a healthy connection. */
  readonly reason: string | null;
  /** The status after the change; null where the event does not concern it. */
  readonly status: ConnectionStatus | null;
  /** The suggested action after the change; null where the event does not concern it. */
  readonly suggested_action: SuggestedAction | null;
  /** When the access token expires; null where unknown. */
  readonly expires_at: number | null;
  /** When the grant ends, so that the user must reconnect; null where unknown. */
  readonly lapses_at: number | null;
}

/** The state of refreshing. NONE: the connection is not refreshed; an older reader also sees it for a newer state. */
export type Renewal = 'NONE' | 'GOOD' | 'FAILING' | 'DEAD';

/** A connection of the user. */
export interface ConnectionSnapshot {
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** The connection's status. */
  readonly status: ConnectionStatus;
  /** The suggested action. */
  readonly suggested_action: SuggestedAction;
  /** The reason of the status, from the closed list in PROTOCOL.md; null for a healthy connection. */
  readonly reason: string | null;
  /** When the access token expires; null where unknown. */
  readonly expires_at: number | null;
  /** When the grant ends, so that the user must reconnect; null where unknown. */
  readonly lapses_at: number | null;
  /** From this time on, ask the user to reconnect before lapses_at; null: do not ask in advance. */
  readonly reauth_from: number | null;
  /** The state of refreshing, from which a reader derives the status at a later time. */
  readonly renewal: Renewal;
  /** The scopes that the provider granted: at most 256, each a scope of RFC 6749 section 3.3. */
  readonly scopes: readonly string[];
  /** Identifies the credentials; changes whenever they change. */
  readonly token_version: number;
}

/** A flow that was started and not completed. */
export interface FlowSnapshot {
  /** The flow's id. */
  readonly flow_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** When the flow was started. */
  readonly started_at: number;
  /** When the flow counts as abandoned. */
  readonly expires_at: number;
}

/** The connections of one user. A platform that is not listed is MISSING. A later record of the same key replaces it completely; a record with a lower revision must be ignored. */
export interface ConnectionState {
  /** Equal to the message key. */
  readonly user_id: string;
  /** The user's revision at the time of the snapshot. */
  readonly revision: number;
  /** When the snapshot was taken. */
  readonly as_of: number;
  /** The user's connections, ordered by platform. */
  readonly connections: readonly ConnectionSnapshot[];
  /** The user's open flows, ordered by platform and start. */
  readonly flows: readonly FlowSnapshot[];
}

/** A key of the engine. */
export interface EngineKey {
  /** Identifies the key, as in vek1.<kid>.<secret>. */
  readonly kid: string;
  /** pending, active, retiring or revoked. */
  readonly state: string;
  /** kafka or http. */
  readonly use: string;
  /** When the key was created. */
  readonly created_at: number;
  /** The subkeys auth, c2v and v2c, wrapped. */
  readonly subkeys: Buffer;
  /** SHA-256 of the secret, for keys of use http; null for others. */
  readonly secret_digest: Buffer | null;
}

/** A grant: every listed operation on every listed platform. */
export interface Grant {
  /** Command types, e.g. GetToken; * means all. */
  readonly operations: readonly string[];
  /** Platform ids; * means all. */
  readonly platforms: readonly string[];
}

/** A token bucket in each worker. */
export interface RateLimit {
  /** Sustained commands per second. */
  readonly per_second: number;
  /** The largest burst of commands. */
  readonly burst: number;
}

/** An engine's keys, grants and rate. Only the CLI writes it; making the MAC requires KMS. */
export interface EngineEntry {
  /** The engine's id. Equal to the message key. */
  readonly engine: string;
  /** Increases with every change of the entry. */
  readonly revision: number;
  /** The data key of subkeys and MAC, wrapped by KMS. */
  readonly wrapped_key: Buffer;
  /** The engine's keys. At most two of each use are usable at once. */
  readonly keys: readonly EngineKey[];
  /** The engine's grants. */
  readonly grants: readonly Grant[];
  /** The engine's rate limit. */
  readonly rate: RateLimit;
  /** The MAC over all other fields. */
  readonly mac: Buffer;
}

/** A platform of the vault. */
export interface PlatformEntry {
  /** The platform's id. Equal to the message key. */
  readonly platform: string;
  /** The name to show to people, e.g. Google Calendar. */
  readonly display_name: string;
}

/** The command was refused or failed. PROTOCOL.md, section 8, lists the codes. */
export interface CommandFailed {
  /** A code of PROTOCOL.md, section 8, e.g. not_connected. */
  readonly error_code: string;
  /** A text for people. Contains no value of the command. */
  readonly message: string;
  /** What the caller can do, as listed in PROTOCOL.md, section 8, e.g. connect. */
  readonly suggested_action: string;
  /** How long to wait before repeating the command; null where unknown. */
  readonly retry_after_ms: number | null;
}

/** The flow is recorded. */
export interface ConnectionStarted {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** The flow's id, for StoreToken.flow_id. */
  readonly flow_id: string;
  /** When the flow counts as abandoned. */
  readonly expires_at: number;
  /** The user's revision after the change. */
  readonly revision: number;
}

/** The report is recorded, or it is about older credentials. */
export interface RevocationReported {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** reported: the connection has the reason reported_revoked. older_version: nothing was changed, because the connection has newer credentials. */
  readonly outcome: string;
  /** Identifies the connection's credentials. */
  readonly token_version: number;
  /** The user's revision after the command. */
  readonly revision: number;
}

/** The status of a platform for the user. */
export interface PlatformStatus {
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** The name to show to people. */
  readonly display_name: string;
  /** The connection's status. */
  readonly status: ConnectionStatus;
  /** The suggested action. */
  readonly suggested_action: SuggestedAction;
  /** The reason of the status, from the closed list in PROTOCOL.md; null for a healthy connection. */
  readonly reason: string | null;
  /** When the access token expires; null where unknown. */
  readonly expires_at: number | null;
  /** When the grant ends, so that the user must reconnect; null where unknown. */
  readonly lapses_at: number | null;
  /** The scopes that the provider granted: at most 256, each a scope of RFC 6749 section 3.3. */
  readonly scopes: readonly string[];
}

/** The status of a user's connections, including missing platforms. */
export interface StatusSnapshot {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The user's revision; 0 for an unknown user. */
  readonly revision: number;
  /** Every platform that the engine may see, connected or not, ordered by id. */
  readonly connections: readonly PlatformStatus[];
}

/** A usable access token. The refresh token never leaves the vault. */
export interface TokenIssued {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** The access token, sealed for the requesting engine (PROTOCOL.md). */
  readonly access_token: Buffer;
  /** The token type of RFC 6749 section 7.1: 1 to 64 characters without spaces. */
  readonly token_type: string;
  /** When the access token expires; null where unknown. */
  readonly expires_at: number | null;
  /** The scopes that the provider granted: at most 256, each a scope of RFC 6749 section 3.3. */
  readonly scopes: readonly string[];
  /** Identifies the credentials, for GetToken.rejected_version. */
  readonly token_version: number;
  /** Data that callers need together with the token, e.g. an instance URL: at most 32 entries. Never a secret. */
  readonly params: Readonly<Record<string, string>>;
  /** A problem of the connection although the token is usable, from the closed list in PROTOCOL.md; otherwise null. */
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
  /** The outcome at the provider: revoked (the grant has ended), not_supported (the provider has no revocation, or the vault has no client registration there) or failed (the grant may still be valid). Null from a vault that is older than this field. */
  readonly provider_outcome: string | null;
  /** The reason of failed: no_token, token_unreadable, not_sent, no_answer, client_refused, refused, throttled or provider_error; otherwise null. */
  readonly provider_reason: string | null;
}

/** The credentials are stored. */
export interface TokenStored {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The platform's id, e.g. google-calendar. */
  readonly platform: string;
  /** Identifies the credentials; changes whenever they change. */
  readonly token_version: number;
  /** The user's revision after the change. */
  readonly revision: number;
}

/** All data of the user is deleted. */
export interface UserForgotten {
  /** 1 to 128 of A-Z a-z 0-9 . _ @ | + -. Equal to the message key. */
  readonly user_id: string;
  /** The number of deleted connections; 0 for an unknown user. */
  readonly connections: number;
}

/** Every record by name. */
export interface Records {
  readonly AuditCheckpoint: AuditCheckpoint;
  readonly AuditRecord: AuditRecord;
  readonly ForgetUser: ForgetUser;
  readonly GetStatus: GetStatus;
  readonly GetToken: GetToken;
  readonly ReportRevoked: ReportRevoked;
  readonly RevokeToken: RevokeToken;
  readonly StartConnection: StartConnection;
  readonly StoreToken: StoreToken;
  readonly ConnectionChanged: ConnectionChanged;
  readonly ConnectionState: ConnectionState;
  readonly EngineEntry: EngineEntry;
  readonly PlatformEntry: PlatformEntry;
  readonly CommandFailed: CommandFailed;
  readonly ConnectionStarted: ConnectionStarted;
  readonly RevocationReported: RevocationReported;
  readonly StatusSnapshot: StatusSnapshot;
  readonly TokenIssued: TokenIssued;
  readonly TokenRevoked: TokenRevoked;
  readonly TokenStored: TokenStored;
  readonly UserForgotten: UserForgotten;
}

