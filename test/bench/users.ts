/** Enough users that 1,024 requests in flight seldom meet in one lane, and that all partitions have their share. */
export const USERS = 2_000;

/** The user of the `n`th request: each of so many in turn. */
export const userOf = (n: number, users = USERS): string => `bench-user-${n % users}`;

/** Where they are connected. */
export const PLATFORM = 'gmail';

/** What is carried: 300 bytes, as access tokens have. */
export const TOKEN = 'A1b2C3d4E5'.repeat(30);
