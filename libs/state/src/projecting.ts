// The writing side: it reads the store, so readers of the topic do without it.
export type { Drift } from './compare.ts';
export { type Drifted, type FindDriftOptions, findDrift } from './find-drift.ts';
export { openProjection, type Projected, type ProjectingParts, type Projection } from './project.ts';
export { type Rebuilt, rebuild } from './rebuild.ts';
export { snapshotOf } from './snapshot.ts';
