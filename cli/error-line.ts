import { OutcryError } from '../common/model/errors.js';

const onOneLine = (text: string): string => text.trim().replace(/\s*[\r\n]+\s*/g, ' ');

/** One line: code, what happened, what to do. */
export const errorLine = (error: unknown): string => {
  if (error instanceof OutcryError) {
    return onOneLine(`outcry: ${error.code}: ${error.message}; ${error.remedy}`);
  }
  const reason = error instanceof Error ? error.message : String(error);
  return errorLine(new OutcryError('INTERNAL', { reason }, { cause: error }));
};
