export {
  type AdministrationParts,
  type AdministrationRefusal,
  administerEngines,
  type EngineAdministration,
  type MintedKey,
} from './administer.ts';
export { EntryUnconfirmed } from './publish-entry.ts';
export type { Engine, EntryFault } from './read-entry.ts';
export { type EnginePolicy, type GrantsFault, readGrants } from './read-grants.ts';
export { type EngineTable, followEngines, type TableParts } from './table.ts';
