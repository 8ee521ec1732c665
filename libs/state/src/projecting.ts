// The writing side. It reads the store, so readers of the topic do not import it.
export type { Drift } from './compare.ts';
export { StateMarks } from './marks.ts';
export {
  applyPlatforms,
  comparePlatforms,
  type PlatformChange,
  type PlatformName,
  type PlatformsParts,
  publishPlatforms,
} from './platforms.ts';
export { openProjection, type Projected, type ProjectingParts, type Projection } from './project.ts';
export { type Drifted, type FindDriftOptions, findDrift, type Rebuilt, rebuild } from './reconcile.ts';
export { snapshotOf } from './snapshot.ts';
