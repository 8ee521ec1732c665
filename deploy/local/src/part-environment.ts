import { localAwsEnvironment, type PartEnvironment } from './config.ts';
import { type PartName, partNames } from './part.ts';
import { parts } from './parts.ts';

/** The variables by which services and tests find these parts. */
export function partEnvironment(addresses: Readonly<Partial<Record<PartName, string>>>): PartEnvironment {
  const variables: Record<string, string> = {};
  for (const name of partNames) {
    const address = addresses[name];
    if (address !== undefined) variables[parts[name].addressVariable] = address;
  }
  return addresses.kms === undefined ? variables : { ...variables, ...localAwsEnvironment };
}
