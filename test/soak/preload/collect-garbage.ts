import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Loaded before a service: collects garbage every few seconds, so that the heap's size tells what is reachable. By itself V8 lets the old
 * generation grow for minutes under such traffic, which looks like a leak until it doesn't.
 */
const EVERY_MS = 4_000;

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');
if (typeof collect !== 'function') throw new Error('V8 gives no gc()');
setInterval(() => collect(), EVERY_MS).unref();
