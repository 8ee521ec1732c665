/** Where an echo takes place: what its worker and its client are started with. */
export interface EchoPlace {
  readonly brokers: readonly string[];
  readonly requests: string;
  readonly replies: string;
  readonly groupId: string;
}

/** The argument of a bench process. */
export const readArgument = <T>(): T => JSON.parse(process.argv[2] ?? 'null') as T; // written by `startProcess` from a T
