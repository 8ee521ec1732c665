export { openWorld, type World } from './open-world.ts';
