export * from './change-keys.ts';
export * from './client.ts';
export {
  allowed,
  type EngineEntry,
  type EntryContent,
  type EntryKey,
  type EntryRefusal,
  type Grant,
  isUsable,
  type KeyState,
  type KeyUse,
  type OpenEntry,
  type OpenKey,
  openEntry,
  type Rate,
  sealEntry,
} from './engine-entry.ts';
export * from './freshness.ts';
