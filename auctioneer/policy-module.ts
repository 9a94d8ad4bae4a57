import { access } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { OutcryError } from '../common/model/errors.js';
import { fileReason } from '../common/model/file-reason.js';
import type { Scorer } from './core/scorer.js';

const unusable = (path: string, reason: string, cause?: unknown): OutcryError =>
  new OutcryError('POLICY_MODULE_INVALID', { path, reason }, { cause });

const textOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** The place of a mistake is known to Node's own check alone. */
const loadReason = (thrown: unknown): string =>
  thrown instanceof SyntaxError
    ? `it does not parse: ${thrown.message} ('node --check' tells where)`
    : textOf(thrown);

const importModule = async (path: string): Promise<Record<string, unknown>> => {
  try {
    await access(path);
  } catch (error) {
    throw unusable(path, fileReason(error), error);
  }
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    throw unusable(path, loadReason(error), error);
  }
};

/** A cell for which the policy throws is out of the auction; whoever wrote it hears of it, once. */
const guarded = (score: Scorer, tell: (reason: string) => void): Scorer => {
  let told = false;
  return (cell, work) => {
    try {
      return score(cell, work);
    } catch (error) {
      if (!told) tell(textOf(error));
      told = true;
      return NaN;
    }
  };
};

/**
 * Loads a policy of one's own: a module that exports a function `score`; see Scorer. POLICY_MODULE_INVALID when it does
 * not. `tell` hears of the first thing that the function throws.
 */
export const loadScorer = async (path: string, tell: (reason: string) => void): Promise<Scorer> => {
  const { score } = await importModule(path);
  if (typeof score !== 'function') throw unusable(path, 'it exports no function named score');
  return guarded(score as Scorer, tell);
};
