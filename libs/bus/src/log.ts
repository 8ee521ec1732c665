import type { logLevel as KafkajsLevel, LogEntry } from 'kafkajs';
import { logLevel } from './kafkajs.ts';

/** How loud a line is. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Where the bus writes. Fields hold names, numbers and error texts; never a key, a value or a header. */
export type BusLog = (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>) => void;

/** Hands on what kafkajs says: its text and the fields that are known to hold no message. */
export function kafkajsLog(log: BusLog): (entry: LogEntry) => void {
  return ({ level, namespace, log: line }) => {
    const fields: Record<string, unknown> = { part: `kafkajs ${namespace}` };
    for (const name of FIELDS) {
      const value: unknown = line[name];
      if (value !== undefined) fields[name] = value instanceof Error ? value.message : value;
    }
    log(levelOf(level), line.message, fields);
  };
}

const FIELDS = ['broker', 'groupId', 'memberId', 'generationId', 'topic', 'partition', 'error', 'retryCount'];

/** kafkajs calls everything that it is about to try again an error; whoever gives up says so at their own level. */
function levelOf(level: KafkajsLevel): LogLevel {
  return level === logLevel.ERROR || level === logLevel.WARN ? 'warn' : 'debug';
}
