import type { OutcryError } from '../model/errors.js';
import { createToldCauses } from '../model/told-causes.js';
import type { Logger } from '../ports/logger.js';
import type { CommitError } from './contract.js';

interface Failure {
  readonly message: string;
  readonly error?: OutcryError | undefined;
}

/** What keeps commits from being stored, for as long as it does. */
export interface Trouble {
  failed(failure: Failure, decisions: number): void;
  ended(): void;
  /** undefined: none */
  reason(): string | undefined;
}

/** Told once for each cause: with a full disk every commit fails, and so may the log. */
export const createTrouble = (logger: Logger): Trouble => {
  const told = createToldCauses();
  let reason: string | undefined;
  return {
    failed({ message, error }, decisions) {
      reason = error ? `${error.code}: ${error.message}` : message;
      if (!told.isNew(reason)) return;
      const help = error && { code: error.code, message: error.message, remedy: error.remedy };
      logger.error('commit-failed', { reason: message, ...help, decisions });
    },
    ended() {
      reason = undefined;
      if (told.clear()) logger.info('commit-succeeds-again');
    },
    reason: () => reason,
  };
};

/** Why something could not be stored, in one line for people: with what to do, where that is known. */
export const commitErrorText = ({ code, message, error }: CommitError): string =>
  error ? `${error.code}: ${error.message}; ${error.remedy}` : `${code}: ${message}`;
