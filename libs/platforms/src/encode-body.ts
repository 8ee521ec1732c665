/** A request's body and the header that describes it. */
export interface EncodedBody {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

/** Writes `fields` as the provider wants them. */
export const encodeBody = (encoding: 'form' | 'json' | 'none', fields: URLSearchParams): EncodedBody => {
  switch (encoding) {
    case 'none':
      return { headers: {}, body: null };
    case 'form':
      return {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: Buffer.from(fields.toString()),
      };
    case 'json':
      return {
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify(Object.fromEntries(fields))),
      };
  }
};
