export * from './errors.ts';
export * from './status.ts';
export * from './values.ts';
