export { type JournalParts, kafkaJournal } from './journal.ts';
