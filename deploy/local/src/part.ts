import type { Program } from './child.ts';
import type { ToolContext } from './tools.ts';

/** The parts that the vault stands on. */
export const partNames = ['kafka', 'registry', 'redis', 'kms'] as const;
export type PartName = (typeof partNames)[number];

/** Where and how one instance runs. */
export type Placement = {
  readonly port: number;
  /** A second port, for parts that need one. */
  readonly sidePort: number;
  readonly dataDir: string;
  /** Overrides in the part's own words: Kafka's and Redis's settings, the registry's and the KMS's environment. */
  readonly settings: Readonly<Record<string, string>>;
  /** For the Java of a part that lets them be chosen, instead of its own. */
  readonly javaOptions?: readonly string[];
};

/** How a part runs as a process of this machine. */
export type Part = {
  readonly name: PartName;
  /** For the person: `Kafka 4.1.1`. */
  readonly title: string;
  /** The port of development, and the variable that changes it. */
  readonly port: number;
  readonly portVariable: string;
  /** The variable of the environment that holds its address. */
  readonly addressVariable: string;
  address(port: number): string;
  /** Finds or fetches the program. @throws MissingPart */
  prepare(context: ToolContext): Promise<PreparedPart>;
  /** Whether it serves now: asked in its own protocol, because a port is open before that. */
  isReady(port: number): Promise<boolean>;
};

export type PreparedPart = {
  /** Run once on an empty data folder. */
  readonly format?: (at: Placement) => Promise<Program>;
  readonly program: (at: Placement) => Promise<Program> | Program;
};
