import { hash } from 'node:crypto';

// The Lua scripts are template strings: a bundle needs no files at run time, and a script ships with the code that packs its
// arguments. Numbers are passed and compared as decimal strings made by JavaScript: a Lua number is a double, and tostring()
// turns 1700000000000000 into "1.7e+15".

/** A script and its SHA-1, the argument of EVALSHA. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
  /** The method of ioredis that runs it. */
  readonly command: 'evalshaBuffer' | 'evalsha_roBuffer';
}

const script = (lua: string, command: Script['command'] = 'evalshaBuffer'): Script => ({
  lua,
  sha: hash('sha1', lua, 'hex'),
  command,
});

/** The fields that `parseRecord` expects, in its order. */
const RECORD = `'version', 'token_version', 'stored_at', 'metadata', 'access', 'refresh',
    'condition', 'grant', 'told', 'lease_owner', 'lease_until', 'lease_phase'`;
const LEASE = `'lease_owner', 'lease_until', 'lease_phase'`;
/** The expired lease that the present holder found. */
const BEFORE = `'before_owner', 'before_until', 'before_phase'`;

/**
 * Reads connections and their users' rows. One script instead of two commands: a user who is forgotten and comes back in
 * between would be read with the old record and the new key.
 *
 * The item of an unleased connection that still has its mark is 1. Every change of a user writes its transition's id into the
 * user's row, so the mark detects it; writes of the lease do not, so a leased connection is always sent in full.
 * KEYS user, record, user, record, … ARGV all marks in one string, because each argument costs the client as much as a
 * comparison: transition, version, …, separated by spaces; `- -` for a connection without a mark.
 */
export const READ_CONNECTIONS = script(
  `#!lua flags=no-writes
local found = {}
local mark = string.gmatch(ARGV[1], '%S+')
for i = 1, #KEYS, 2 do
  local user, record, transition, version = KEYS[i], KEYS[i + 1], mark(), mark()
  local same = false
  if transition ~= '-' and redis.call('HGET', user, 'transition') == transition then
    local now = redis.call('HMGET', record, 'version', 'lease_owner')
    same = now[1] == version and not now[2]
  end
  found[#found + 1] = same and 1 or {
    redis.call('HMGET', user, 'revision', 'kid', 'wrapped', 'transition'),
    redis.call('HMGET', record, ${RECORD})
  }
end
return found`,
  'evalsha_roBuffer',
);

/**
 * Reads everything that a mutation is decided upon. KEYS user, dedupe, refusal. ARGV the prefix of the user's record keys, and one
 * platform or '' for all of them.
 *
 * Only the script knows the user's platforms, so it builds the names of the records, against the rule that KEYS declares every
 * key. They have the hash tag of KEYS[1], hence the same slot on the same node. While that slot migrates, a node replies with an
 * error for a key that it has handed over, and the call is retried: a connection is never missing.
 */
export const READ_USER = script(`#!lua flags=no-writes
local user = redis.call('HMGET', KEYS[1], 'revision', 'kid', 'wrapped', 'platforms', 'flows')
local wanted = ARGV[2]
if wanted == '' then wanted = user[4] or '' end
local records = {}
for platform in string.gmatch(wanted, '[^,]+') do
  records[#records + 1] = platform
  records[#records + 1] = redis.call('HMGET', ARGV[1] .. platform, ${RECORD})
end
local dedupe = redis.call('HMGET', KEYS[2], 'mac', 'outcome')
if not dedupe[1] then dedupe = redis.call('HMGET', KEYS[3], 'mac', 'outcome') end
return { redis.call('TIME'), user, dedupe, records }`);

/**
 * Writes a dedupe record unless one exists under its id. Returns the present one, so that a repetition after a lost reply gets
 * the same reply. KEYS dedupe. ARGV mac, outcome, milliseconds
 */
export const DEDUPE = script(`#!lua
local earlier = redis.call('HMGET', KEYS[1], 'mac', 'outcome')
if earlier[1] then return earlier end
redis.call('HSET', KEYS[1], 'mac', ARGV[1], 'outcome', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { ARGV[1], ARGV[2] }`);

/**
 * Writes to the first existing key without changing it, also while memory is full. The replication stream is one sequence, so a
 * replica that has this write has all writes before it. Sent as text by EVAL: it follows another command on the same connection,
 * where NOSCRIPT could not be handled. KEYS all of one slot
 */
export const TOUCH_FIRST_KEY = `#!lua flags=allow-oom
for _, key in ipairs(KEYS) do
  local expires = redis.call('PEXPIRETIME', key)
  if expires > 0 then return redis.call('PEXPIREAT', key, expires) end
  if expires == -1 then
    redis.call('PEXPIRE', key, 86400000)
    return redis.call('PERSIST', key)
  end
end`;

/**
 * Applies one mutation. Redis runs a script alone but does not roll it back. Therefore every key is declared (Redis rejects a foreign
 * slot before the script starts), all checks precede the first write, and a put begins with a write that fails while memory
 * is full. A removal begins with DEL, which succeeds then: revoking and forgetting work on a full server. For the same
 * reason the script has no shebang: with one, Redis would reject the whole script on a full server.
 * KEYS user, due, pending, dedupe, record to put (if any), records to remove …
 * ARGV as `apply.ts` packs them; a list is its length and its items.
 *
 * `again` marks a repetition after a lost reply. A change that finds its own transition in the dedupe record or in the user's
 * row was applied before, and gets the lost reply again. `owner` is the owner of the lease that the put needs, '' for none.
 * Every put ends the lease. `flows` is empty if the flows stay unchanged, else the time at which the first of them is due ('' for
 * never) and their text. The member `<user>:` of the due index stands for the flows of a user.
 */
export const APPLY = script(`
local at = 0
local function take() at = at + 1 return ARGV[at] end
local function take_list()
  local list = {}
  for i = 1, tonumber(take()) do list[i] = take() end
  return list
end
local again, removed = take() == '1', take_list()
local user, transition, forget = take(), take(), take() == '1'
local expected, revision, kid, wrapped, owner = take(), take(), take(), take(), take()
local put, flows, dedupe, entry = take_list(), take_list(), take_list(), take_list()
local user_key, due_key, pending_key, dedupe_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local earlier = redis.call('HMGET', dedupe_key, 'mac', 'outcome', 'transition', 'pending')
if earlier[1] then
  if again and earlier[3] == transition then return { 'applied', earlier[4] } end
  return { 'remembered', earlier[1], earlier[2] }
end
local row = redis.call('HMGET', user_key, 'revision', 'platforms', 'transition', 'pending', 'kid')
if (row[1] or '') ~= expected then
  if again and row[3] == transition then return { 'applied', row[4] } end
  return { 'conflict' }
end
if row[1] and kid ~= '' and row[5] ~= kid then return { 'conflict' } end
if owner ~= '' and redis.call('HGET', KEYS[5], 'lease_owner') ~= owner then return { 'conflict' } end

local connected = {}
for platform in string.gmatch(row[2] or '', '[^,]+') do connected[platform] = true end
for _, platform in ipairs(removed) do connected[platform] = nil end
if forget and next(connected) then return { 'conflict' } end

local next_key = 5
if #put > 0 then
  redis.call('HSET', KEYS[next_key], unpack(put, 3))
  redis.call('HDEL', KEYS[next_key], ${LEASE}, ${BEFORE})
  next_key = next_key + 1
  connected[put[1]] = true
  if put[2] == '' then redis.call('ZREM', due_key, user .. ':' .. put[1])
  else redis.call('ZADD', due_key, put[2], user .. ':' .. put[1]) end
end
for i, platform in ipairs(removed) do
  redis.call('DEL', KEYS[next_key + i - 1])
  redis.call('ZREM', due_key, user .. ':' .. platform)
end
if forget then
  redis.call('DEL', user_key)
  redis.call('ZREM', due_key, user .. ':')
end
local pending = redis.call('XADD', pending_key, '*', unpack(entry))
if not forget and (row[1] or kid ~= '') then
  local platforms = {}
  for platform in pairs(connected) do platforms[#platforms + 1] = platform end
  table.sort(platforms)
  redis.call('HSET', user_key, 'revision', revision, 'platforms', table.concat(platforms, ','),
    'transition', transition, 'pending', pending)
  if kid ~= '' then redis.call('HSET', user_key, 'kid', kid, 'wrapped', wrapped) end
  if #flows > 0 then
    redis.call('HSET', user_key, 'flows', flows[2])
    if flows[1] == '' then redis.call('ZREM', due_key, user .. ':')
    else redis.call('ZADD', due_key, flows[1], user .. ':') end
  end
end
if #dedupe > 0 then
  redis.call('HSET', dedupe_key, 'mac', dedupe[2], 'outcome', dedupe[3], 'transition', transition, 'pending', pending)
  redis.call('PEXPIRE', dedupe_key, dedupe[1])
end
return { 'applied', pending }`);

/**
 * Takes a lease that is free or has expired. A repeated claim of the present owner gets the same reply and writes nothing: an
 * attempt that arrives late neither shortens the lease nor resets its phase.
 * KEYS record. ARGV owner, token version, milliseconds
 *
 * Only a put resolves whether a refresh token was spent. So the first expired lease in phase `called` is passed on from holder to
 * holder: a provider's grace period counts from the first call, however many calls follow.
 */
export const CLAIM = script(`#!lua
local lease = redis.call('HMGET', KEYS[1], ${LEASE})
local before = redis.call('HMGET', KEYS[1], ${BEFORE})
if redis.call('HGET', KEYS[1], 'token_version') ~= ARGV[2] then return { 'changed' } end
if lease[1] == ARGV[1] then return { 'claimed', unpack(before) } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if lease[1] and tonumber(lease[2]) > now then return { 'held', unpack(lease) } end
if before[3] ~= 'called' then before = lease end
redis.call('HSET', KEYS[1], 'lease_owner', ARGV[1], 'lease_until', string.format('%.0f', now + ARGV[3]),
  'lease_phase', 'claimed')
if before[1] then
  redis.call('HSET', KEYS[1], 'before_owner', before[1], 'before_until', before[2], 'before_phase', before[3])
end
return { 'claimed', unpack(before) }`);

/**
 * Extends a lease from now. An expired lease is its owner's until another owner claims it. `called` is never reset to `claimed`, because
 * an extension may arrive after the hold that was sent later. KEYS record. ARGV owner, phase, milliseconds
 */
export const HOLD = script(`#!lua
local lease = redis.call('HMGET', KEYS[1], ${LEASE})
if lease[1] ~= ARGV[1] then return { 'lost' } end
local phase = lease[3] == 'called' and 'called' or ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'lease_until', string.format('%.0f', now + ARGV[3]), 'lease_phase', phase)
return { 'done' }`);

/**
 * Releases a lease, also while memory is full: it frees more than it takes. An expired predecessor in phase `called` becomes the
 * connection's lease again, for the next holder to resolve. By `released_by`, a repetition after a lost reply recognises itself.
 * KEYS record. ARGV again, owner
 */
export const RELEASE = script(`#!lua flags=allow-oom
local owner, last = unpack(redis.call('HMGET', KEYS[1], 'lease_owner', 'released_by'))
if owner ~= ARGV[2] then
  if ARGV[1] == '1' and last == ARGV[2] then return { 'done' } end
  return { 'lost' }
end
local before = redis.call('HMGET', KEYS[1], ${BEFORE})
redis.call('HDEL', KEYS[1], ${LEASE}, ${BEFORE})
if before[3] == 'called' then
  redis.call('HSET', KEYS[1], 'lease_owner', before[1], 'lease_until', before[2], 'lease_phase', before[3])
end
redis.call('HSET', KEYS[1], 'released_by', ARGV[2])
return { 'done' }`);

/**
 * Returns what is due in a shard by the server's clock, and postpones it by `again` milliseconds: other callers skip it meanwhile,
 * and find it again later unless it is moved. Works while memory is full, because it adds nothing.
 * KEYS due. ARGV limit, again
 */
export const TAKE_DUE = script(`#!lua flags=allow-oom
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('ZRANGE', KEYS[1], '-inf', string.format('%.0f', now), 'BYSCORE', 'LIMIT', 0, ARGV[1], 'WITHSCORES')
for i = 1, #found, 2 do
  redis.call('ZADD', KEYS[1], 'XX', string.format('%.0f', now + ARGV[2]), found[i])
end
return found`);

/**
 * Writes an entry to the quarantine and deletes the original. Returns whether the entry is new. Works while memory is full: the original is
 * deleted in the same step. KEYS quarantine, original's key. ARGV id, entry, XDEL or ZREM, member
 */
export const QUARANTINE = script(`#!lua flags=allow-oom
local is_new = redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
redis.call(ARGV[3], KEYS[2], ARGV[4])
return { tostring(is_new) }`);

/**
 * Puts an entry back, if it is still as the caller has read it, and deletes it from the quarantine. KEYS quarantine, original's key.
 * ARGV id, entry as read, then XADD and the fields, or ZADD, score and member, or ''
 */
export const UNQUARANTINE = script(`#!lua
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return { '0' } end
if ARGV[3] == 'XADD' then redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4)) end
if ARGV[3] == 'ZADD' then redis.call('ZADD', KEYS[2], 'NX', ARGV[4], ARGV[5]) end
redis.call('HDEL', KEYS[1], ARGV[1])
return { '1' }`);

/** Takes or extends the drain lease, also while memory is full. KEYS lease. ARGV owner, milliseconds */
export const HOLD_DRAIN_LEASE = script(`#!lua flags=allow-oom
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return { '0' } end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return { '1' }`);

/** Deletes the drain lease if the owner has it. KEYS lease. ARGV owner */
export const RELEASE_DRAIN_LEASE = script(`#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return {}`);

/**
 * Stores a version of a branch key unless it exists, and makes it the active one if it is the highest. Returns the stored version.
 * KEYS branch. ARGV version, creation time, wrapped key
 */
export const ADD_BRANCH_KEY = script(`#!lua
if redis.call('HSETNX', KEYS[1], 'wrapped:' .. ARGV[1], ARGV[3]) == 1 then
  redis.call('HSET', KEYS[1], 'created:' .. ARGV[1], ARGV[2])
end
local active = redis.call('HGET', KEYS[1], 'active')
if not active or tonumber(active) < tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'active', ARGV[1]) end
return { ARGV[1], redis.call('HGET', KEYS[1], 'created:' .. ARGV[1]), redis.call('HGET', KEYS[1], 'wrapped:' .. ARGV[1]) }`);

/** One version of a branch key, or the active one. KEYS branch. ARGV version, or '' for the active one */
export const READ_BRANCH_KEY = script(`#!lua flags=no-writes
local version = ARGV[1]
if version == '' then version = redis.call('HGET', KEYS[1], 'active') end
if not version then return {} end
local wrapped = redis.call('HGET', KEYS[1], 'wrapped:' .. version)
if not wrapped then return {} end
return { version, redis.call('HGET', KEYS[1], 'created:' .. version), wrapped }`);

/** Returns the number of due entries of a shard by the server's clock, and the age of the oldest in milliseconds. KEYS due. */
export const DUE_STATS = script(`#!lua flags=no-writes
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count = redis.call('ZCOUNT', KEYS[1], '-inf', string.format('%.0f', now))
local oldest = 0
if count > 0 then oldest = now - tonumber(redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]) end
return { tostring(count), string.format('%.0f', oldest) }`);
