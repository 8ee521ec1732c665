import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 200;

/** Whether `holds` becomes true in time. One that throws does not hold yet: a part may be coming back. */
export const holdsWithin = async (ms: number, holds: () => Promise<boolean>): Promise<boolean> => {
  const limit = performance.now() + ms;
  for (;;) {
    if (await holds().catch(() => false)) return true;
    if (performance.now() > limit) return false;
    await sleep(EVERY_MS);
  }
};
