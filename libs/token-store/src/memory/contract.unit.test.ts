import { tokenStoreContract } from '../contract.ts';
import { openMemoryStore } from './open-memory-store.ts';

tokenStoreContract('memory', async () => {
  const store = openMemoryStore();
  return { store, openAnother: async () => store.openAnother(), close: store.close };
});
