import { readFile } from 'node:fs/promises';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';

/** One fault of a profile with its position. Lines and columns count from 1. */
export interface ProfileFault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** One line per fault, `file:line:column message`: editors and terminals make links of it. */
export const formatFaults = (faults: readonly ProfileFault[]): string =>
  faults.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`).join('\n');

/** A path into a document, in zod's form. */
export type Path = readonly PropertyKey[];

/** A parsed file that keeps the position of each value. */
export interface YamlFile {
  readonly file: string;
  readonly data: unknown;
  /** Syntax errors and warnings of the YAML parser. */
  readonly faults: readonly ProfileFault[];
  /** A fault at the value of `path`, or at the nearest enclosing value where `path` is absent. */
  readonly faultAt: (path: Path, message: string) => ProfileFault;
  /** A fault at the last key of `path`. */
  readonly faultAtKey: (path: Path, message: string) => ProfileFault;
}

/**
 * Reads a YAML 1.2 file with one document. Aliases are refused: they separate a value from its position in the file.
 * Rejects when the file can't be read.
 */
export const readYaml = async (file: string): Promise<YamlFile> => {
  const lines = new LineCounter();
  const document = parseDocument(await readFile(file, 'utf8'), { lineCounter: lines, prettyErrors: false });
  const fault = (offset: number, message: string): ProfileFault => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), message };
  };
  const faults = [...document.errors, ...document.warnings].map(({ pos, message }) => fault(pos[0], message));
  return {
    file,
    ...dataOf(document, faults, fault),
    faultAt: (path, message) => fault(offsetOfValue(document, path), message),
    faultAtKey: (path, message) => fault(offsetOfKey(document, path), message),
  };
};

type Fault = (offset: number, message: string) => ProfileFault;

const dataOf = (document: Document, faults: readonly ProfileFault[], fault: Fault) => {
  if (faults.length > 0) return { data: undefined, faults };
  try {
    return { data: document.toJS({ maxAliasCount: 0 }) as unknown, faults };
  } catch {
    return { data: undefined, faults: [fault(0, 'aliases are not allowed; write the value out, or use a family')] };
  }
};

const offsetOfValue = (document: Document, path: Path): number => {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
};

const offsetOfKey = (document: Document, path: Path): number => {
  const parent: unknown = path.length <= 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return offsetOfValue(document, path);
  const key = parent.items.map((pair) => pair.key).find((item) => isScalar(item) && item.value === path.at(-1));
  return isNode(key) && key.range ? key.range[0] : offsetOfValue(document, path);
};
