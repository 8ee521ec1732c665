import type { Bus } from '@vault-engine/bus';

/** Kafka's administration, as the bus's own driver has it. */
export type Admin = ReturnType<ReturnType<Bus['client']>['admin']>;

/** Does to a broker what no part of the vault does. */
export const withAdmin = async (bus: Bus, use: (admin: Admin) => Promise<unknown>): Promise<void> => {
  const admin = bus.client().admin();
  await admin.connect();
  try {
    await use(admin);
  } finally {
    await admin.disconnect();
  }
};
