export * from './errors.ts';
export * from './ids.ts';
export * from './integers.ts';
export * from './status.ts';
