/** What a door answers to somebody whose role it does not let in, and how clients of our own read it. */
import { ERRORS, OutcryError } from '../model/errors.js';
import type { ErrorDetails } from '../model/errors.js';
import { isMapping } from '../model/read.js';

/** Refusals that are about the client, not about what it asked. */
const CODES = ['CLIENT_ROLE_REFUSED', 'EVENT_SUBSCRIBERS_FULL'] as const;

/** For people with curl, too. */
export const refusalText = (error: OutcryError): string => {
  const { code, message, remedy, details } = error;
  return JSON.stringify({ error: code, reason: message, remedy, details });
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** undefined when the answer is no refusal of a door's */
export const refusalIn = (status: number, text: string): OutcryError | undefined => {
  const coded = CODES.filter((known) => ERRORS[known].status === status);
  const body = coded.length > 0 ? parsed(text) : undefined;
  if (!isMapping(body) || !isMapping(body['details'])) return undefined;
  const code = coded.find((known) => known === body['error']);
  if (code === undefined) return undefined;
  const details: ErrorDetails = {};
  for (const [name, value] of Object.entries(body['details'])) details[name] = String(value);
  return new OutcryError(code, details);
};
