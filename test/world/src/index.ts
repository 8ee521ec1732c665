export { openWorld, type World } from './open-world.ts';
export { selfSigned } from './self-signed.ts';
