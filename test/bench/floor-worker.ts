import { randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { connectBus } from '@vault-engine/bus';
import { isRecord, openCodec, topicNames } from '@vault-engine/contracts';
import { metadataHash, openUnlocked, type UnlockedRecord, unlockRecord } from '@vault-engine/crypto';
import type { VaultPlace } from '@vault-engine/development';
import { followEngines } from '@vault-engine/engines';
import { createBranchKeys, createDataKeys, openLocalWrapper } from '@vault-engine/kms';
import {
  encodeReplyHeaders,
  parseCommandHeaders,
  sealForEngine,
  signReply,
  verifyRequest,
} from '@vault-engine/protocol';
import { openRedisStore } from '@vault-engine/token-store';
import { platformId, userId } from '@vault-engine/vault';
import type { KafkaMessage } from 'kafkajs';
import { readArgument } from './echo-place.ts';
import { ENGINE } from './entrants.ts';
import { serveUntilStopped } from './serve-load.ts';
import { consume, gather, tunedKafka } from './tuned-kafkajs.ts';

const COMMIT_EVERY_MS = 300;

/**
 * Serves `GetToken` in a straight line, by the echo's own use of kafkajs: MAC, Redis, decryption, seal, acknowledged audit
 * record, authenticated reply, and nothing beside them. It checks no grant, rate, deadline or reply address, keeps no
 * order, waits for nobody who is down, repeats nothing and counts nothing.
 */
const open = async (place: VaultPlace): Promise<() => Promise<void>> => {
  // As every service does.
  setFlagsFromString('--no-allocation-site-pretenuring');
  const { brokers, registryUrl, redisUrl, topicPrefix, keyPrefix, keyFile } = place;
  const topics = topicNames(topicPrefix);
  const codec = await openCodec({ registryUrl });
  const wrapper = await openLocalWrapper({ keyFile });
  const store = await openRedisStore({ url: redisUrl, keyPrefix, requireDurable: false });
  const branchKeys = createBranchKeys({ wrapper, store: store.branchKeys, env: 'development' });
  const keys = createDataKeys({ wrapper, env: 'development', branchKeys });
  const table = await followEngines({
    bus: connectBus({ brokers, clientId: 'floor-table' }),
    codec,
    topic: topics.engines,
    wrapper,
    environment: 'development',
    onRefused: () => undefined,
    onWaiting: () => undefined,
    onFatal: () => undefined,
  });
  const kafka = tunedKafka(brokers, 'floor');
  const audit = await gather(kafka, topics.auditLog);
  const replies = await gather(kafka, topics.replies(ENGINE));

  /** As the vault does it, a record that was opened before is not unlocked again. */
  const unlocked = new WeakMap<object, UnlockedRecord>();

  const serve = async ({ key, value, headers: fields = {} }: KafkaMessage): Promise<void> => {
    const parsed = parseCommandHeaders(fields as Parameters<typeof parseCommandHeaders>[0]); // one value each: engines send no other
    const engineKeys = parsed.ok ? table.get(ENGINE)?.open.keys.get(parsed.value.kid)?.keys : undefined;
    if (!parsed.ok || engineKeys == null || key === null || value === null) return;
    const headers = parsed.value;
    if (!verifyRequest(engineKeys, headers, { topic: topics.commands, key, value })) return;
    const decoded = await codec.decode(value);
    if (!isRecord(decoded, 'GetToken')) return;
    const [user, platform] = [userId(decoded.value.user_id), platformId(decoded.value.platform)];
    if (user === null || platform === null) return;
    const found = await store.readConnection(user, platform);
    if (found.user === null || found.record === null) return;
    const { metadata, version, tokenVersion, access } = found.record;
    const dataKey = await keys.keyOf(user, found.user.dataKey);
    if (!unlocked.has(found.record)) {
      const context = { user, platform, slot: 'access' as const, version, metadataHash: metadataHash(metadata) };
      const made = unlockRecord(dataKey, context, access);
      if (made.ok) unlocked.set(found.record, made.value);
    }
    const record = unlocked.get(found.record);
    const opened = record === undefined ? null : openUnlocked(record);
    if (opened === null || !opened.ok) return;
    const { replyTopic, replyPartition: partition, commandId, mac: requestMac, correlation } = headers;
    const head = { replyTopic, commandId, replyType: 'TokenIssued', requestMac };
    const sealed = sealForEngine(engineKeys, { ...head, field: 'access_token' }, opened.value);
    opened.value.wipe();
    const auditRecord = codec.encode('AuditRecord', {
      record_id: randomUUID(),
      request_id: randomUUID(),
      user_id: user,
      platform,
      time: Date.now(),
      engine: ENGINE,
      key_id: headers.kid,
      action: 'GetToken',
      result: 'ok',
      reason: null,
      record_version: version,
      count: 1,
    });
    await audit.send({ key: null, value: auditRecord, headers: {}, partition: 0 });
    const reply = codec.encode('TokenIssued', {
      user_id: user,
      platform,
      access_token: sealed,
      token_type: metadata.tokenType,
      expires_at: metadata.expiresAt,
      scopes: [...metadata.scopes],
      token_version: tokenVersion,
      params: metadata.params,
      warning: null,
    });
    const signature = { kid: headers.kid, mac: signReply(engineKeys, head, reply) };
    await replies.send({
      key,
      value: reply,
      headers: encodeReplyHeaders(correlation, 'TokenIssued', signature),
      partition,
    });
  };

  const answered = new Map<number, bigint>();
  const consumer = await consume(kafka, {
    topic: topics.commands,
    groupId: `${topicPrefix}vault.command-worker`,
    onMessage: (partition, message) =>
      void serve(message).then(() => answered.set(partition, BigInt(message.offset) + 1n)),
  });
  const commit = async (): Promise<void> => {
    const offsets = [...answered].map(([partition, next]) => ({
      topic: topics.commands,
      partition,
      offset: String(next),
    }));
    answered.clear();
    if (offsets.length > 0) await consumer.commitOffsets(offsets);
  };
  const committing = setInterval(() => void commit(), COMMIT_EVERY_MS);
  return async () => {
    clearInterval(committing);
    await commit();
    await Promise.all([consumer.disconnect(), audit.close(), replies.close(), table.close(), store.close()]);
  };
};

await serveUntilStopped(() => open(readArgument<VaultPlace>()));
