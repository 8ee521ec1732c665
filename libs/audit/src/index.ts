export { type AttemptParts, type Attempts, countAttempts } from './count-attempts.ts';
export { type JournalParts, kafkaJournal } from './journal.ts';
