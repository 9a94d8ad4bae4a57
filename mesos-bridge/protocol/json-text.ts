import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';

/** Integers of fewer digits are exact as they are. */
const LONG = /[0-9]{16}/;
const LONG_INTEGER = /-?[0-9]{16,}(?![0-9.eE])/y;
const NUMBER = /-?[0-9][0-9.eE+-]*/y;

const endOfText = (json: string, from: number): number => {
  for (let at = json.indexOf('"', from + 1); at >= 0; at = json.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (json[at - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return at + 1;
  }
  return json.length;
};

/**
 * Puts long integers in quotes, which JSON.parse would round: Mesos takes numbers written so, and times in ns are longer
 * than what a double holds.
 */
const quoteLongIntegers = (json: string): string => {
  let quoted = '';
  let copied = 0;
  for (let at = 0; at < json.length;) {
    const char = json[at];
    if (char === '"') at = endOfText(json, at);
    else if (char === '-' || (char !== undefined && char >= '0' && char <= '9')) {
      LONG_INTEGER.lastIndex = at;
      NUMBER.lastIndex = at;
      const long = LONG_INTEGER.exec(json);
      const end = at + Math.max(1, (long ?? NUMBER.exec(json))?.[0].length ?? 1);
      if (long) {
        quoted += `${json.slice(copied, at)}"${long[0]}"`;
        copied = end;
      }
      at = end;
    } else at += 1;
  }
  return quoted + json.slice(copied);
};

const placeOf = (message: string, json: string): number => {
  const [, position] = /at position (\d+)/.exec(message) ?? [];
  return position === undefined ? json.length : Number(position);
};

/** As Mesos tells of it: the line, and what stands there. */
const syntaxError = (json: string, cause: unknown): string => {
  const at = placeOf((cause as Error).message, json);
  const line = json.slice(0, at).split('\n').length;
  const rest = json.slice(at).split('\n')[0] ?? '';
  return `syntax error at line ${line} near: ${rest.slice(0, 200)}`;
};

/** Reads JSON in which long integers come as their digits. */
export const parseJson = (json: string): Result<unknown, string> => {
  try {
    const parsed: unknown = JSON.parse(json);
    return ok(LONG.test(json) ? JSON.parse(quoteLongIntegers(json)) : parsed);
  } catch (cause) {
    return err(syntaxError(json, cause));
  }
};

/** With a point always; what is no number in JSON is a text, which Mesos reads. */
export const printDouble = (value: number): string => {
  if (!Number.isFinite(value)) return `"${value}"`;
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : String(value);
};
