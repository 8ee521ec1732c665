import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import specs from '@asyncapi/specs';
import { Ajv, type AnySchema } from 'ajv';
import * as ajvFormats from 'ajv-formats';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { readSchemas, SCHEMA_FOLDER } from './generate/read-schemas.ts';
import { COMMAND_NAMES } from './records.ts';
import { topicNames, topicSpecs } from './topics.ts';

interface Ref {
  readonly $ref: string;
}
interface Channel {
  readonly address: string | null;
  readonly messages: Readonly<Record<string, Ref>>;
  readonly bindings: { readonly kafka: { readonly topicConfiguration: Readonly<Record<string, unknown>> } };
}
interface Operation {
  readonly action: string;
  readonly messages?: readonly Ref[];
  readonly reply?: { readonly address: Ref; readonly messages: readonly Ref[] };
}
interface Document {
  readonly channels: Readonly<Record<string, Channel>>;
  readonly operations: Readonly<Record<string, Operation>>;
  readonly components: {
    readonly messages: Readonly<Record<string, { readonly payload: { readonly schema?: Ref } }>>;
  };
}

const text = readFileSync(join(SCHEMA_FOLDER, 'asyncapi.yaml'), 'utf8');
const document = parse(text) as Document; // the first test validates it
const topics = topicSpecs({ engines: [], environment: 'production' });

/** `value` with each reference to a file replaced by the file's content. */
const inlined = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if ('$ref' in value && typeof value.$ref === 'string' && value.$ref.startsWith('./')) {
    return JSON.parse(readFileSync(join(SCHEMA_FOLDER, value.$ref), 'utf8'));
  }
  if (Array.isArray(value)) return value.map(inlined);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, inlined(part)]));
};

const refsIn = (value: unknown): readonly string[] => {
  if (typeof value !== 'object' || value === null) return [];
  if ('$ref' in value && typeof value.$ref === 'string') return [value.$ref];
  return Object.values(value).flatMap(refsIn);
};

const lastPart = ({ $ref }: Ref): string => $ref.split('/').at(-1) ?? '';

test('the document is valid AsyncAPI 3.0 with Avro payloads', () => {
  // The specification contains its own copy of JSON Schema's meta-schema.
  const ajv = new Ajv({ strict: false, meta: false, validateSchema: false });
  ajvFormats.default.default(ajv);
  const validate = ajv.compile({ ...specs.schemas['3.0.0'] } as AnySchema); // the same, but for `undefined` in optional keys
  expect(validate(inlined(document)) ? [] : validate.errors).toEqual([]);
});

test('every reference resolves', () => {
  const target = (ref: string): unknown =>
    ref
      .slice(2)
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document); // a walk over plain data
  const local = refsIn(document).filter((ref) => ref.startsWith('#/'));
  expect(local.filter((ref) => target(ref) === undefined)).toEqual([]);
});

test('the payloads are exactly the Avro files, by name', () => {
  const payloads = Object.entries(document.components.messages).flatMap(([name, { payload }]) =>
    payload.schema === undefined ? [] : [`${name} ${payload.schema.$ref}`],
  );
  const files = readSchemas().map(({ folder, name }) => `${name} ./${folder}/${name}.avsc`);
  expect(payloads.sort()).toEqual(files.sort());
});

test('every folder of schemas is a topic, and its channel carries the messages of that folder', () => {
  const byFolder = Map.groupBy(readSchemas(), ({ folder }) => folder);
  const channels = Object.entries(document.channels).filter(([key]) => key !== 'commandsDlt');
  const carried = channels.map(([key, { address, messages }]) => {
    expect(Object.values(messages).map(lastPart)).toEqual(Object.keys(messages));
    return [key === 'replies' ? 'replies' : address?.replace('vault.', ''), Object.keys(messages).sort()];
  });
  expect(new Map(carried as [string, string[]][])).toEqual(
    new Map([...byFolder].map(([folder, files]) => [folder, files.map(({ name }) => name).sort()])),
  );
});

test('every channel is a declared topic with the same settings', () => {
  const { replies, ...names } = topicNames();
  const addresses: Record<string, string> = { ...names, replies: replies('gateway') };
  expect(Object.keys(document.channels).sort()).toEqual(Object.keys(addresses).sort());
  for (const [key, { address, bindings }] of Object.entries(document.channels)) {
    if (key !== 'replies') expect(address).toBe(addresses[key]);
    const declared = topics.find(({ name }) => name === addresses[key])?.config ?? {};
    for (const [setting, value] of Object.entries(bindings.kafka.topicConfiguration)) {
      expect(`${key} ${setting} ${String(value)}`).toBe(`${key} ${setting} ${declared[setting]}`);
    }
  }
});

test('every command has an operation, answered on the topic that it names with its reply or CommandFailed', () => {
  const received = Object.values(document.operations).filter(({ action }) => action === 'receive');
  expect(received.map(({ messages }) => messages?.map(lastPart))).toEqual(
    expect.arrayContaining(COMMAND_NAMES.map((name) => [name])),
  );
  for (const { reply } of received) {
    expect(reply?.address.$ref).toBe('#/components/replyAddresses/ownTopic');
    expect(reply?.messages.map(lastPart)).toHaveLength(2);
    expect(reply?.messages.map(lastPart)).toContain('CommandFailed');
  }
});
