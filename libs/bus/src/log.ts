import type { logLevel as KafkajsLevel, LogEntry } from 'kafkajs';
import { logLevel } from './kafkajs.ts';

/** How loud a line is. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Where the bus writes. Fields hold names, numbers and error texts; never a key, a value or a header. */
export type BusLog = (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>) => void;

/**
 * Hands on what kafkajs says: its text and the fields that are known to hold no message. While brokers are away it says the
 * same some dozen times a second: a text comes once in five seconds, with the number of those left out.
 */
export function kafkajsLog(log: BusLog, now: () => number = Date.now): (entry: LogEntry) => void {
  const lastSaid = new Map<string, { at: number; leftOut: number }>();
  return ({ level, namespace, log: line }) => {
    const last = lastSaid.get(line.message);
    if (last !== undefined && now() - last.at < REPEAT_MS) {
      last.leftOut += 1;
      return;
    }
    if (lastSaid.size >= MAX_TEXTS) lastSaid.clear();
    lastSaid.set(line.message, { at: now(), leftOut: 0 });
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

/** kafkajs calls everything that it is about to try again an error; whoever gives up says so at their own level. */
function levelOf(level: KafkajsLevel): LogLevel {
  return level === logLevel.ERROR || level === logLevel.WARN ? 'warn' : 'debug';
}
