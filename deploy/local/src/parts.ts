import { localAwsEnvironment, type PartEnvironment } from './config.ts';
import { kafka } from './kafka.ts';
import { kms } from './kms.ts';
import { type Part, type PartName, partNames } from './part.ts';
import { redis } from './redis.ts';
import { registry } from './registry.ts';

/** Every part by name. */
export const parts: Readonly<Record<PartName, Part>> = { kafka, registry, redis, kms };

/** The environment variables by which services and tests find these parts. */
export function partEnvironment(addresses: Readonly<Partial<Record<PartName, string>>>): PartEnvironment {
  const variables: Record<string, string> = {};
  for (const name of partNames) {
    const address = addresses[name];
    if (address !== undefined) variables[parts[name].addressVariable] = address;
  }
  return addresses.kms === undefined ? variables : { ...variables, ...localAwsEnvironment };
}
