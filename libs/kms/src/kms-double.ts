import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** What the double does with the next request instead of replying. */
export type Misbehaviour = 'throttle' | 'fail' | 'hang' | 'cut' | 'garbage';

/** `Denied`: the caller has no permission. */
type KeyState = 'Enabled' | 'Disabled' | 'Denied' | 'PendingDeletion';

/** A KMS in this process, for tests of what other test servers do not check: exact contexts, key states, faults. */
export interface KmsDouble {
  readonly endpoint: string;
  /** Keys by id. */
  readonly keys: Map<string, KeyState>;
  /** Applied in order, one per request. */
  readonly misbehaviours: Misbehaviour[];
  readonly requests: () => number;
  readonly connections: () => number;
  readonly close: () => Promise<void>;
}

interface Wrapped {
  readonly keyId: string;
  readonly context: string;
  readonly plaintext: string;
}

class Refusal extends Error {
  override readonly name: string;
  constructor(name: string) {
    super(name);
    this.name = name;
  }
}

/** Implements GenerateDataKey and Decrypt of the KMS JSON protocol. */
export const openKmsDouble = async (): Promise<KmsDouble> => {
  const keys = new Map<string, KeyState>([['key-1', 'Enabled']]);
  const wrappings = new Map<string, Wrapped>();
  const misbehaviours: Misbehaviour[] = [];
  let requests = 0;
  let connections = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const misbehaviour = misbehaviours.shift();
    if (misbehaviour) return misbehave(misbehaviour, request, response);
    void serve(request, response, keys, wrappings);
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the double has no port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    keys,
    misbehaviours,
    requests: () => requests,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const serve = async (
  request: IncomingMessage,
  response: ServerResponse,
  keys: ReadonlyMap<string, KeyState>,
  wrappings: Map<string, Wrapped>,
) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body: Record<string, unknown> = JSON.parse(Buffer.concat(chunks).toString());
  try {
    const keyId = String(body['KeyId']);
    if (!keys.has(keyId)) throw new Refusal('NotFoundException');
    const refusal = STATE_ERRORS[keys.get(keyId) ?? 'Enabled'];
    if (refusal !== null) throw new Refusal(refusal);
    const generates = request.headers['x-amz-target'] === 'TrentService.GenerateDataKey';
    send(response, 200, generates ? generate(keyId, body, wrappings) : decrypt(keyId, body, wrappings));
  } catch (error) {
    send(response, 400, { __type: error instanceof Refusal ? error.name : 'InternalFailure' });
  }
};

const STATE_ERRORS: Readonly<Record<KeyState, string | null>> = {
  Enabled: null,
  Disabled: 'DisabledException',
  Denied: 'AccessDeniedException',
  PendingDeletion: 'KMSInvalidStateException',
};

const generate = (keyId: string, body: Record<string, unknown>, wrappings: Map<string, Wrapped>) => {
  if (body['KeySpec'] !== 'AES_256') throw new Refusal('ValidationException');
  const plaintext = randomBytes(32).toString('base64');
  const blob = randomBytes(64).toString('base64');
  wrappings.set(blob, { keyId, context: canonical(body['EncryptionContext']), plaintext });
  return { KeyId: keyId, CiphertextBlob: blob, Plaintext: plaintext };
};

const decrypt = (keyId: string, body: Record<string, unknown>, wrappings: ReadonlyMap<string, Wrapped>) => {
  const found = wrappings.get(String(body['CiphertextBlob']));
  if (!found) throw new Refusal('InvalidCiphertextException');
  // KMS identifies the key by the ciphertext before it compares the context.
  if (found.keyId !== keyId) throw new Refusal('IncorrectKeyException');
  if (found.context !== canonical(body['EncryptionContext'])) throw new Refusal('InvalidCiphertextException');
  return { KeyId: keyId, Plaintext: found.plaintext };
};

const canonical = (context: unknown): string =>
  JSON.stringify(Object.entries(context ?? {}).toSorted(([left], [right]) => (left < right ? -1 : 1)));

const misbehave = (misbehaviour: Misbehaviour, request: IncomingMessage, response: ServerResponse): void => {
  request.resume();
  if (misbehaviour === 'throttle') send(response, 400, { __type: 'ThrottlingException' });
  if (misbehaviour === 'fail') send(response, 500, { __type: 'KMSInternalException' });
  if (misbehaviour === 'garbage') send(response, 200, { Plaintext: 'AAAA', CiphertextBlob: '' });
  if (misbehaviour === 'cut') request.socket.destroy();
  // 'hang': no reply.
};

const send = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
  response.end(JSON.stringify(body));
};
