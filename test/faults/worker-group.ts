import type { TestVault } from '../flow/open-vault.ts';

/** The name of the workers' group. */
export const workerGroup = ({ place }: TestVault): string => `${place.topicPrefix}vault.command-worker`;
