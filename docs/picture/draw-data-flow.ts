/** A box: a process, a topic or a store. Coordinates and sizes are SVG user units. */
interface Box {
  readonly id: string;
  readonly kind: 'process' | 'topic' | 'store' | 'outside';
  readonly x: number;
  readonly y: number;
  readonly width?: number;
  readonly lines: readonly string[];
}

/** An arrow along the points, the first and last of which lie on the edges of boxes. */
interface Arrow {
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly label?: { readonly text: string; readonly x: number; readonly y: number };
}

const WIDTH = 172;
const HEIGHT = 46;

const BOXES: readonly Box[] = [
  { id: 'engine', kind: 'outside', x: 20, y: 60, lines: ['engine', 'libs/client'] },
  { id: 'http', kind: 'outside', x: 20, y: 170, lines: ['HTTP caller', 'REST'] },
  { id: 'gateway', kind: 'process', x: 20, y: 260, lines: ['gateway'] },
  { id: 'commands', kind: 'topic', x: 270, y: 60, lines: ['vault.commands'] },
  { id: 'replies', kind: 'topic', x: 270, y: 150, lines: ['vault.replies.<engine>'] },
  { id: 'worker', kind: 'process', x: 520, y: 60, lines: ['command-worker'] },
  { id: 'store', kind: 'store', x: 770, y: 60, lines: ['Redis', 'token store, due index'] },
  { id: 'kms', kind: 'store', x: 770, y: 150, lines: ['KMS', 'wraps the data keys'] },
  { id: 'audit', kind: 'topic', x: 520, y: 170, lines: ['vault.audit-log', 'before a secret leaves'] },
  { id: 'events', kind: 'topic', x: 520, y: 260, lines: ['vault.connection-events'] },
  { id: 'scheduler', kind: 'process', x: 770, y: 260, lines: ['refresh-scheduler', 'BullMQ'] },
  { id: 'provider', kind: 'outside', x: 770, y: 370, lines: ['OAuth provider'] },
  { id: 'projector', kind: 'process', x: 520, y: 370, lines: ['status-projector'] },
  { id: 'state', kind: 'topic', x: 270, y: 370, lines: ['vault.connection-state', 'compacted'] },
  { id: 'view', kind: 'outside', x: 20, y: 370, lines: ['sync engine', 'ConnectionStateView'] },
];

const ARROWS: readonly Arrow[] = [
  {
    points: [
      [192, 75],
      [270, 75],
    ],
    label: { text: 'command', x: 231, y: 68 },
  },
  {
    points: [
      [442, 83],
      [520, 83],
    ],
  },
  {
    points: [
      [540, 106],
      [540, 128],
      [456, 128],
      [456, 165],
      [442, 165],
    ],
  },
  {
    points: [
      [270, 165],
      [231, 165],
      [231, 95],
      [192, 95],
    ],
    label: { text: 'reply', x: 214, y: 135 },
  },
  {
    points: [
      [692, 75],
      [770, 75],
    ],
    label: { text: 'read, apply', x: 731, y: 68 },
  },
  {
    points: [
      [680, 106],
      [680, 135],
      [740, 135],
      [740, 165],
      [770, 165],
    ],
  },
  {
    points: [
      [606, 106],
      [606, 170],
    ],
  },
  {
    points: [
      [530, 106],
      [530, 116],
      [505, 116],
      [505, 283],
      [520, 283],
    ],
  },
  {
    points: [
      [106, 216],
      [106, 260],
    ],
  },
  {
    points: [
      [192, 275],
      [356, 275],
      [356, 240],
      [248, 240],
      [248, 90],
      [270, 90],
    ],
    label: { text: 'in the caller’s name', x: 300, y: 268 },
  },
  {
    points: [
      [856, 260],
      [856, 235],
      [960, 235],
      [960, 83],
      [942, 83],
    ],
    label: { text: 'sweep, lease', x: 905, y: 228 },
  },
  {
    points: [
      [856, 306],
      [856, 370],
    ],
    label: { text: 'refresh', x: 880, y: 342 },
  },
  {
    points: [
      [770, 283],
      [692, 283],
    ],
  },
  {
    points: [
      [770, 270],
      [750, 270],
      [750, 193],
      [692, 193],
    ],
  },
  {
    points: [
      [606, 306],
      [606, 370],
    ],
  },
  {
    points: [
      [520, 393],
      [442, 393],
    ],
    label: { text: 'snapshot', x: 481, y: 386 },
  },
  {
    points: [
      [270, 393],
      [192, 393],
    ],
  },
];

const LEGEND: readonly Pick<Box, 'kind' | 'lines'>[] = [
  { kind: 'process', lines: ['service'] },
  { kind: 'topic', lines: ['Kafka topic'] },
  { kind: 'store', lines: ['store'] },
  { kind: 'outside', lines: ['outside the vault'] },
];

const STYLE = [
  ':root{--ink:#1f2328;--line:#57606a;--paper:#ffffff;--process:#ddf4ff;--topic:#fff8c5;--store:#dafbe1;--outside:#f6f8fa}',
  '@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--line:#8b949e;--paper:#0d1117;--process:#0c2d6b;--topic:#4b2900;--store:#033a16;--outside:#21262d}}',
  'text{font:13px system-ui,sans-serif;fill:var(--ink);text-anchor:middle}',
  '.small{font-size:11px;fill:var(--line)}',
  'rect{stroke:var(--line)}.paper{fill:var(--paper);stroke:none}',
  ...(['process', 'topic', 'store', 'outside'] as const).map((kind) => `.${kind}{fill:var(--${kind})}`),
  'polyline{fill:none;stroke:var(--line);stroke-width:1.4}#head path{fill:var(--line)}',
].join('');

/** The picture of the data's way in the README, as SVG for light and dark pages. */
export const drawDataFlow = (): string =>
  [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 980 470" role="img" aria-label="How data flows through Vault Engine">',
    `<style>${STYLE}</style>`,
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
    '<rect class="paper" width="980" height="470"/>',
    ...ARROWS.map((one) => arrow(one)),
    ...BOXES.map((one) => box(one)),
    ...LEGEND.map((entry, place) => box({ ...entry, id: entry.kind, x: 20 + place * 150, y: 434, width: 130 }, 24)),
    '</svg>',
    '',
  ].join('\n');

const arrow = ({ points, label }: Arrow): string => {
  const line = `<polyline marker-end="url(#head)" points="${points.map(([x, y]) => `${x},${y}`).join(' ')}"/>`;
  return label === undefined
    ? line
    : `${line}<text class="small" x="${label.x}" y="${label.y}">${escaped(label.text)}</text>`;
};

const box = ({ kind, x, y, width = WIDTH, lines }: Box, height = HEIGHT): string => {
  const middle = y + height / 2;
  const first = lines.length === 1 ? middle + 4 : middle - 4;
  const texts = lines.map(
    (text, line) =>
      `<text${line === 0 ? '' : ' class="small"'} x="${x + width / 2}" y="${first + line * 16}">${escaped(text)}</text>`,
  );
  const round = kind === 'topic' ? 18 : 4;
  return `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${round}"/>${texts.join('')}`;
};

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
