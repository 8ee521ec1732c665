import { kafka } from './kafka.ts';
import { kms } from './kms.ts';
import type { Part, PartName } from './part.ts';
import { redis } from './redis.ts';
import { registry } from './registry.ts';

/** Every part by name. */
export const parts: Readonly<Record<PartName, Part>> = { kafka, registry, redis, kms };
