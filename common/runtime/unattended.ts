import type { LogFields, Logger } from '../ports/logger.js';

export interface Unattended {
  logger: Logger;
  /** what is logged, with `error`, when the work throws or rejects */
  event: string;
  fields?: LogFields;
}

/** Begins work at once that nobody waits for: its failure is an event, never the end of the process or of others' work. */
export const unattended = ({ logger, event, fields }: Unattended, work: () => unknown): void => {
  const run = async (): Promise<unknown> => work();
  run().catch((error: unknown) => logger.error(event, { ...fields, error }));
};
