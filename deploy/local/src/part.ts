import type { Program } from './child.ts';
import type { ToolContext } from './tools.ts';

/** The external systems of the vault. */
export const partNames = ['kafka', 'registry', 'redis', 'kms'] as const;
export type PartName = (typeof partNames)[number];

/** Ports, data folder and settings of one instance. */
export type Placement = {
  readonly port: number;
  /** A second port, for Kafka's controller. */
  readonly sidePort: number;
  readonly dataDir: string;
  /** Overrides: settings of Kafka and Redis, environment variables of the registry and the KMS. */
  readonly settings: Readonly<Record<string, string>>;
  /** Replaces the Java options of Kafka. */
  readonly javaOptions?: readonly string[];
};

/** A part as a process of this machine. */
export type Part = {
  readonly name: PartName;
  /** For messages: `Kafka 4.1.1`. */
  readonly title: string;
  /** The fixed port of `npm start`, and the variable that overrides it. */
  readonly port: number;
  readonly portVariable: string;
  /** The environment variable with its address. */
  readonly addressVariable: string;
  address(port: number): string;
  /** Finds or downloads the program. @throws MissingPart */
  prepare(context: ToolContext): Promise<PreparedPart>;
  /** Whether it serves requests, asked in its own protocol: a port may be open earlier. */
  isReady(port: number): Promise<boolean>;
};

export type PreparedPart = {
  /** Run once on an empty data folder. */
  readonly format?: (at: Placement) => Promise<Program>;
  readonly program: (at: Placement) => Promise<Program> | Program;
};

/** Parts that were started here: their addresses, and how to stop them. */
export type Started = { readonly addresses: Partial<Record<PartName, string>>; stop(): Promise<void> };
