/** What may be echoed into a header and a body: no spaces, no quotes, no control characters. */
const LABEL = /^[A-Za-z0-9._:@/+=-]{1,128}$/;

/** The caller's `X-Request-ID`; null where there is none that can be echoed. */
export const requestLabel = (header: string | string[] | undefined): string | null =>
  typeof header === 'string' && LABEL.test(header) ? header : null;
