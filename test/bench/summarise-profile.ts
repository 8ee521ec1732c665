/** A `.cpuprofile`, as far as it is read here. Times in µs. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** What of a profile is looked at. */
export interface View {
  /** By the profile's own clock. */
  readonly window: { readonly from: number; readonly to: number };
  /** Commands a second in that window, by which times become µs a command. */
  readonly perSecond: number;
  /** The folder that file names begin with. */
  readonly root: string;
}

const TOP_PARTS = 16;
const TOP_FUNCTIONS = 40;
const BAR_WIDTH = 40;
const IDLE = '(idle)';

/**
 * Self time by part and by function, longest first, each with its bar and its µs a command. What Node does inside counts for
 * the part that asked for it.
 */
export const summarise = (profile: CpuProfile, view: View): readonly string[] => {
  const selfUs = selfTimes(profile, view.window);
  const parts = partsOf(profile, view.root);
  const frames = profile.nodes.flatMap(({ id, callFrame }) => {
    const us = selfUs.get(id);
    return us === undefined || callFrame.functionName === IDLE ? [] : [{ us, callFrame, part: parts.get(id) ?? '' }];
  });
  const total = frames.reduce((sum, { us }) => sum + us, 0);
  const commands = ((view.window.to - view.window.from) / 1e6) * view.perSecond;
  const byPart = sums(frames, ({ part }) => part);
  const byFunction = sums(
    frames,
    ({ callFrame: { functionName, url, lineNumber } }) =>
      `${functionName || '(anonymous)'}  ${placeOf(url, view.root)}:${lineNumber + 1}`,
  );
  const line = ([name, us]: readonly [string, number]): string => {
    const share = us / total;
    const perCommand = (us / commands).toFixed(1);
    return `${(share * 100).toFixed(1).padStart(5)} %  ${perCommand.padStart(6)} µs  ${'█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(12)}  ${name}`;
  };
  return [
    'self time by part',
    ...byPart.slice(0, TOP_PARTS).map(line),
    '',
    'self time by function',
    ...byFunction.slice(0, TOP_FUNCTIONS).map(line),
  ];
};

/** By node: the time until the next sample belongs to what was seen at this one. */
const selfTimes = (
  { startTime, samples, timeDeltas }: CpuProfile,
  { from, to }: View['window'],
): ReadonlyMap<number, number> => {
  const selfUs = new Map<number, number>();
  let at = startTime;
  for (const [index, node] of samples.entries()) {
    at += timeDeltas[index] ?? 0;
    if (at >= from && at < to) selfUs.set(node, (selfUs.get(node) ?? 0) + (timeDeltas[index + 1] ?? 0));
  }
  return selfUs;
};

const sums = <T extends { readonly us: number }>(
  frames: readonly T[],
  nameOf: (frame: T) => string,
): readonly (readonly [string, number])[] => {
  const byName = new Map<string, number>();
  for (const frame of frames) byName.set(nameOf(frame), (byName.get(nameOf(frame)) ?? 0) + frame.us);
  return [...byName].sort(([, a], [, b]) => b - a);
};

const placeOf = (url: string, root: string): string => url.replace('file://', '').replace(root, '');

/** Of each node the part that it belongs to, or the nearest above it that has one. */
const partsOf = ({ nodes }: CpuProfile, root: string): ReadonlyMap<number, string> => {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parts = new Map<number, string>();
  const visit = (id: number, above: string | null): void => {
    const node = byId.get(id);
    if (node === undefined) return;
    const own = partOf(placeOf(node.callFrame.url, root)) ?? above;
    parts.set(id, own ?? (node.callFrame.functionName || 'Node'));
    for (const child of node.children ?? []) visit(child, own);
  };
  const [first] = nodes;
  if (first !== undefined) visit(first.id, null);
  return parts;
};

/** The package, or the workspace's own folder, that a file belongs to; null for Node's own. */
const partOf = (place: string): string | null => {
  const [, dependency] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(place) ?? [];
  const [own] = /^(?:libs|services|test|deploy)\/[^/]+/.exec(place) ?? [];
  return dependency ?? own ?? null;
};
