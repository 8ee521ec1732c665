import type { logLevel as KafkajsLevel, LogEntry } from 'kafkajs';
import { logLevel } from './kafkajs/kafkajs.ts';

/** The level of a log line. */
export type BusLogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Receives the log lines of the bus. Fields hold names, numbers and error texts; never a key, a value or a header. */
export type BusLog = (level: BusLogLevel, message: string, fields: Readonly<Record<string, unknown>>) => void;

/**
 * Forwards the log of kafkajs: its text and the fields that are known to hold no part of a message. While brokers are away,
 * kafkajs repeats a line dozens of times a second. Each text is forwarded once in five seconds, with the number of lines
 * left out in between.
 */
export function kafkajsLog(log: BusLog, now: () => number = Date.now): (entry: LogEntry) => void {
  const lastForwarded = new Map<string, { at: number; leftOut: number }>();
  return ({ level, namespace, log: line }) => {
    const last = lastForwarded.get(line.message);
    if (last !== undefined && now() - last.at < REPEAT_MS) {
      last.leftOut += 1;
      return;
    }
    if (lastForwarded.size >= MAX_TEXTS) lastForwarded.clear();
    lastForwarded.set(line.message, { at: now(), leftOut: 0 });
    const fields: Record<string, unknown> = { part: `kafkajs ${namespace}`, leftOut: last?.leftOut ?? 0 };
    for (const name of FIELDS) {
      const value: unknown = line[name];
      if (value !== undefined) fields[name] = value instanceof Error ? value.message : value;
    }
    log(levelOf(level), line.message, fields);
  };
}

const REPEAT_MS = 5_000;
const MAX_TEXTS = 100;
const FIELDS = ['broker', 'groupId', 'memberId', 'generationId', 'topic', 'partition', 'error', 'retryCount'];

/** kafkajs logs every failure that it is about to retry as an error. The caller that gives up logs at its own level. */
function levelOf(level: KafkajsLevel): BusLogLevel {
  return level === logLevel.ERROR || level === logLevel.WARN ? 'warn' : 'debug';
}
