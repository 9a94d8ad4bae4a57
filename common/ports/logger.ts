export type LogFields = Record<string, unknown>;

/**
 * The log is a list of named events: short kebab-case names within named sessions
 * (`auction.fetching-cell-reps`), with fields attached. No sentences.
 */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** a logger whose events are prefixed `name.` and carry `fields` */
  session(name: string, fields?: LogFields): Logger;
}
