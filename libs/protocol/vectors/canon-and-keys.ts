import { canon, type Field } from '@vault-engine/crypto';
import { credentialDigest, revealCredential } from '../src/index.ts';
import { credential, ENGINE, hex, keys } from './fixtures.ts';

const lists: readonly (readonly Field[])[] = [
  [],
  [''],
  ['', ''],
  ['ab', 'c'],
  ['a', 'bc'],
  ['abc'],
  ['ü€😀', Buffer.from('ff00', 'hex')],
  [canon('ab'), 'c'],
];

const asJson = (field: Field) => (typeof field === 'string' ? { text: field } : { hex: hex(field) });

export const canonVectors = {
  about: 'Fields and their canonical encoding. No two encodings are equal.',
  cases: lists.map((fields) => ({ fields: fields.map(asJson), encoded: hex(canon(...fields)) })),
};

const text = revealCredential(credential());
const [scheme, kid, secret = ''] = text.split('.');

export const keyVectors = {
  about: 'A credential, the three keys made from it, and texts that are no credentials.',
  credential: text,
  engine: ENGINE,
  kid: keys.kid,
  secret: hex(Buffer.from(secret, 'base64url')),
  digest: hex(credentialDigest(credential())),
  auth: { info: hex(canon('VE/key/v1', 'auth', ENGINE, keys.kid)), key: hex(keys.auth.export()) },
  c2v: { info: hex(canon('VE/key/v1', 'c2v', ENGINE, keys.kid)), key: hex(keys.c2v.export()) },
  v2c: { info: hex(canon('VE/key/v1', 'v2c', ENGINE, keys.kid)), key: hex(keys.v2c.export()) },
  malformed: [
    '',
    `vek2.${kid}.${secret}`,
    `${scheme}.${kid?.toUpperCase()}.${secret}`,
    `${scheme}.${kid}.${secret.slice(1)}`,
    `${scheme}.${kid}.${secret}=`,
    `${scheme}.${kid}.${secret}.`,
    `${scheme}.${kid}.${secret}\n`,
    `${scheme}.${kid}.${'A'.repeat(42)}B`,
  ],
};
