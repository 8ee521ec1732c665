import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  canon,
  ciphertext,
  dataKey,
  metadataHash,
  openBox,
  openRecord,
  type RecordContext,
} from '@vault-engine/crypto';
import { reveal } from '@vault-engine/crypto/plaintext';
import { describe, expect, it } from 'vitest';
import {
  credentialDigest,
  deriveEngineKeys,
  exportSubkeys,
  openFromEngine,
  openFromVault,
  parseCommandHeaders,
  parseCredential,
  parseReplyHeaders,
  verifyReply,
  verifyRequest,
} from '../src/index.ts';
import { VECTORS_FOLDER, vectors } from './vectors.ts';

/** The vectors as read from the file, as an engine in another language reads them. */
const read = <Name extends keyof typeof vectors>(name: Name): (typeof vectors)[Name] =>
  // The first test asserts that the file equals the code's value, so it has that type.
  JSON.parse(readFileSync(new URL(`${name}.json`, VECTORS_FOLDER), 'utf8')) as (typeof vectors)[Name];
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const headersOf = (headers: object): Record<string, Buffer> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, bytes(String(value))]));

const box = read('box');
const keyFile = read('keys');
const record = read('record');
const reply = read('reply');
const request = read('request');

const credential = parseCredential(keyFile.credential);
if (!credential.ok) throw new Error('the credential of the vectors is malformed');
const keys = deriveEngineKeys(keyFile.engine, credential.value);

describe('the vectors', () => {
  it.each(Object.entries(vectors))('in %s.json equal what the code generates', (name, vector) => {
    const file: unknown = JSON.parse(readFileSync(new URL(`${name}.json`, VECTORS_FOLDER), 'utf8'));
    expect(file).toEqual(JSON.parse(JSON.stringify(vector)));
  });
});

describe('canon.json', () => {
  const { cases } = read('canon');
  it('is encoded field by field, and no two lists are equal', () => {
    for (const { fields, encoded } of cases) {
      const list = fields.map((field) => ('text' in field ? field.text : bytes(field.hex)));
      expect(canon(...list).toString('hex')).toBe(encoded);
    }
    expect(new Set(cases.map(({ encoded }) => encoded)).size).toBe(cases.length);
  });
});

describe('keys.json', () => {
  it('holds the digest and the subkeys of its credential', () => {
    const { auth, c2v, v2c, digest } = keyFile;
    expect(reveal(exportSubkeys(keys)).toString('hex')).toBe(auth.key + c2v.key + v2c.key);
    expect(credentialDigest(credential.value).toString('hex')).toBe(digest);
  });

  it.each(keyFile.malformed)('holds "%s", which is no credential', (text) => {
    expect(parseCredential(text).ok).toBe(false);
  });
});

describe('box.json', () => {
  type Case = (typeof box.refused)[number] | (typeof box.accepted)[number];
  const open = ({ place, box: sealed, key }: Case) => {
    const own = { ...keys, c2v: createSecretKey(bytes(key)), v2c: createSecretKey(bytes(key)) };
    const commandId = bytes(place.command_id);
    return 'topic' in place
      ? openFromEngine(own, { ...placeOfCommand(place), commandId }, bytes(sealed))
      : openFromVault(own, { ...placeOfReply(place), commandId }, bytes(sealed));
  };
  const placeOfCommand = ({ command_type: commandType, ...place }: Extract<Case['place'], { topic: string }>) => {
    const { topic, user, platform, field } = place;
    return { topic, commandType, user, platform, field };
  };
  const placeOfReply = (place: Extract<Case['place'], { reply_topic: string }>) => ({
    replyTopic: place.reply_topic,
    replyType: place.reply_type,
    requestMac: bytes(place.request_mac),
    field: place.field,
  });

  it('holds boxes that open in their places', () => {
    for (const one of box.accepted) {
      const opened = open(one);
      expect(opened.ok && reveal(opened.value).toString()).toBe(one.plaintext);
    }
  });

  it.each(box.refused.map((one) => [one.why, one] as const))('holds a box that is refused: %s', (_why, one) => {
    expect(open(one).ok).toBe(false);
  });

  it('does not give away what it holds to the other end of the same credential', () => {
    const sealed = bytes(box.accepted[0]?.box ?? '');
    expect(openBox(keys.v2c, 0x00c0ffee, Buffer.alloc(0), sealed).ok).toBe(false);
  });
});

describe('partition.json', () => {
  // Measured with kafka-clients 4.2.2.
  it.each([
    ['u1', 0, 4],
    ['user-42', 4, 4],
    ['a@b.c', 7, 7],
  ])("has Java's partitions of %s", (key, of8, of12) => {
    const { cases } = read('partition');
    expect(cases.find((one) => one.key === key)?.partitions).toMatchObject({ 8: of8, 12: of12 });
  });

  it('has keys for every partition of 4 and 8', () => {
    const { cases } = read('partition');
    for (const count of [4, 8]) expect(new Set(cases.map(({ partitions }) => partitions[count])).size).toBe(count);
  });
});

describe('request.json', () => {
  type Case = (typeof request.refused)[number] | (typeof request.accepted)[number];
  const judge = ({ topic, key, value, headers }: Case): string => {
    const parsed = parseCommandHeaders(headersOf(headers));
    if (!parsed.ok) return parsed.reason;
    return verifyRequest(keys, parsed.value, { topic, key, value: bytes(value) }) ? 'accepted' : 'mac';
  };

  it.each(request.accepted.map((one) => [one.command_type, one] as const))('holds a valid %s', (_type, one) => {
    expect(judge(one)).toBe('accepted');
  });

  it.each(request.refused.map((one) => [one.why, one] as const))('holds one that is refused for %s', (why, one) => {
    expect(judge(one)).toBe(why.split(':')[0]);
  });
});

describe('reply.json', () => {
  type Case = (typeof reply.refused)[number] | (typeof reply.accepted)[number];
  const judge = ({ reply_topic: replyTopic, request_mac, value, headers }: Case): string => {
    const parsed = parseReplyHeaders(headersOf(headers));
    if (!parsed.ok) return parsed.reason;
    const { commandId, replyType, signature } = parsed.value;
    if (signature === null) return 'unsigned';
    const head = { replyTopic, commandId, replyType, requestMac: bytes(request_mac) };
    return verifyReply(keys, head, bytes(value), signature.mac) ? 'accepted' : 'mac';
  };

  it.each(reply.accepted.map((one) => [one.reply_type, one] as const))('holds a valid %s', (_type, one) => {
    expect(judge(one)).toBe('accepted');
  });

  it.each(reply.refused.map((one) => [one.why, one] as const))('holds one that is refused for %s', (why, one) => {
    expect(judge(one)).toBe(why.split(':')[0]);
  });
});

describe('record.json', () => {
  const key = dataKey(bytes(record.kid), bytes(record.data_key));
  const open = ({ context, sealed }: (typeof record.refused)[number] | (typeof record.accepted)[number]) => {
    const { metadata_hash, ...place } = context;
    const bound: RecordContext = { ...place, metadataHash: bytes(metadata_hash) };
    return openRecord(key, bound, ciphertext(bytes(sealed)));
  };

  it('holds the hash of its metadata', () => {
    expect(metadataHash(record.metadata).toString('hex')).toBe(record.metadata.hash);
  });

  it('holds a record that opens', () => {
    for (const one of record.accepted) {
      const opened = open(one);
      expect(opened.ok && reveal(opened.value).toString()).toBe(one.plaintext);
    }
  });

  it.each(record.refused.map((one) => [one.why, one] as const))('holds a record that is refused: %s', (_why, one) => {
    expect(open(one).ok).toBe(false);
  });
});
