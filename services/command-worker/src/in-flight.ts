/** The most commands of one engine that a worker has in flight, from authentication to acknowledgement. */
export interface InFlightLimits {
  readonly commands: number;
  /** Bytes of the commands' values and of replies that are not acknowledged yet. */
  readonly bytes: number;
}

/** A command in flight. */
export interface InFlightCommand {
  /** Counts further bytes. Returns whether the engine is still within its limit; if not, the bytes are not counted. */
  readonly grow: (bytes: number) => boolean;
  /** The command is no longer in flight. */
  readonly end: () => void;
}

/** Commands in flight, by engine: so that one engine's slow provider or sick reply topic does not use up the worker. */
export interface InFlight {
  /** Counts a command in; null: the engine is at its limit, and the command is not counted. */
  readonly begin: (engine: string, bytes: number) => InFlightCommand | null;
  /** How many commands an engine has in flight. */
  readonly commandsOf: (engine: string) => number;
}

interface Load {
  commands: number;
  bytes: number;
}

/** Opens the counts. Engines without a command in flight take no memory. */
export const limitInFlight = (limits: InFlightLimits): InFlight => {
  const loads = new Map<string, Load>();
  return {
    begin: (engine, bytes) => {
      const load = loads.get(engine) ?? { commands: 0, bytes: 0 };
      if (load.commands >= limits.commands || load.bytes + bytes > limits.bytes) return null;
      loads.set(engine, load);
      load.commands += 1;
      load.bytes += bytes;
      return commandIn(load, bytes, limits, () => loads.delete(engine));
    },
    commandsOf: (engine) => loads.get(engine)?.commands ?? 0,
  };
};

const commandIn = (load: Load, initial: number, limits: InFlightLimits, onIdle: () => void): InFlightCommand => {
  let counted = initial;
  return {
    grow: (bytes) => {
      if (load.bytes + bytes > limits.bytes) return false;
      load.bytes += bytes;
      counted += bytes;
      return true;
    },
    end: () => {
      load.commands -= 1;
      load.bytes -= counted;
      if (load.commands === 0) onIdle();
    },
  };
};
