import { describe, expect, it } from 'vitest';
import { type RequiredRight, RightMissing, Rights } from './rights.ts';

const READ_TOPIC: RequiredRight = { operation: 'READ', resource: 'topic', name: 't' };
const READ_GROUP: RequiredRight = { operation: 'READ', resource: 'group', name: 'g' };
const refusal = (type: string) => new Error('retries exceeded', { cause: Object.assign(new Error(type), { type }) });

describe('a refusal of the brokers', () => {
  it('is explained by the right for the refused resource', () => {
    const rights = new Rights('User:worker');
    const explained = rights.explain(refusal('GROUP_AUTHORIZATION_FAILED'), [READ_TOPIC, READ_GROUP]);
    expect(explained).toBeInstanceOf(RightMissing);
    expect(explained).toMatchObject({
      principal: 'User:worker',
      operation: 'READ',
      resource: 'group',
      resourceName: 'g',
    });
    expect(String(explained)).toBe(
      'RightMissing: User:worker lacks the right READ on group g; add an ACL that allows it',
    );
  });

  it('names no principal where none is known, and other errors stay as they are', () => {
    const rights = new Rights(null);
    expect(String(rights.explain(refusal('TOPIC_AUTHORIZATION_FAILED'), [READ_TOPIC]))).toContain(
      "this client's principal lacks",
    );
    const other = refusal('UNKNOWN_TOPIC_OR_PARTITION');
    expect(rights.explain(other, [READ_TOPIC])).toBe(other);
  });
});

describe('a missing right', () => {
  it('counts until it is granted', () => {
    const rights = new Rights(null);
    const error = new RightMissing(null, READ_TOPIC);
    rights.refused(error);
    expect(rights.missing(Number.MAX_SAFE_INTEGER)).toBe(error);
    rights.granted(READ_GROUP);
    expect(rights.missing(0)).toBe(error);
    rights.granted(READ_TOPIC);
    expect(rights.missing(0)).toBeNull();
  });

  it('to write counts for a minute after the last refusal', () => {
    const rights = new Rights(null);
    const error = rights.writeRefused('t', new Error('refused'), 1_000);
    expect(rights.missing(60_999)).toBe(error);
    expect(rights.missing(61_000)).toBeNull();
  });
});
