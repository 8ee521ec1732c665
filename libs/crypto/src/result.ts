/** What a function answers that can be refused for an expected reason. `Reason` is a closed list of tags. */
export type Result<Value, Reason extends string> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: Reason };
