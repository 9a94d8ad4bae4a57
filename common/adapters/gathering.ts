import type { GatherOptions } from '../ports/bus.js';

/** Answers as they come in: those that nobody has taken, and whether each was the last one to wait for. */
export const gathering = ({ onAnswer }: GatherOptions) => {
  const answers: Uint8Array[] = [];
  let ended = false;
  return {
    answers,
    /** what comes after the last one is nobody's */
    isLast(answer: Uint8Array): boolean {
      if (ended) return false;
      if (onAnswer === undefined) answers.push(answer);
      else ended = onAnswer(answer);
      return ended;
    },
  };
};
