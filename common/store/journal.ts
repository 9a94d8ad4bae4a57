import type { RowChange } from './engine.js';

/**
 * A table that is written by commits rather than by decisions: what they did, in their own transaction, at the price of one
 * row for each of them. No decision sees it.
 */
export interface Journal<Event> {
  /** one of the schema's, and of no spec */
  readonly table: string;
  /** a row found in the store, in the order in which they were written. Throws when it cannot be read */
  load(key: string, text: string): void;
  /** all that is stored, as of now; each as it was written */
  snapshot(): { key: string; text(): string }[];
  /** what a commit with these events writes besides; asked anew when that commit has failed */
  write(events: readonly Event[]): JournalEntry;
}

export interface JournalEntry {
  readonly changes: readonly RowChange[];
  /** called once the commit is durable, before anybody is told of it */
  stored(): void;
}
