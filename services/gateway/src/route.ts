import type { Operation } from '@vault-engine/client';
import type * as z from 'zod';

/** One operation over HTTP: what its body is, what is asked of the vault, and what is answered. */
export interface Route<Body extends z.ZodType, Answer extends z.ZodType, Value> {
  readonly url: string;
  readonly summary: string;
  readonly body: Body;
  readonly answer: Answer;
  readonly ask: (body: z.output<Body>) => Operation<Value>;
  readonly tell: (value: Value) => z.input<Answer>;
}

/** Says that a route's parts belong together. */
export const route = <Body extends z.ZodType, Answer extends z.ZodType, Value>(
  parts: Route<Body, Answer, Value>,
): Route<Body, Answer, Value> => parts;
