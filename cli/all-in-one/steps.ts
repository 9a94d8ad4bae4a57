import type { Context } from '../context.js';
import { table } from '../output.js';

/** What has been done so far and how long each took, for the table of `--once`. */
export interface Steps {
  /** runs a step and notes its time; a failing one is noted too */
  run<T>(name: string, step: () => Promise<T>): Promise<T>;
  print(): void;
}

const ms = (value: number): string => `${Math.round(value)} ms`;

/** `began`: when the whole began, on the context's clock; what happened until now is the first step. */
export const createSteps = (context: Pick<Context, 'elapsed' | 'print'>, began: number): Steps => {
  const untilNow = ms(context.elapsed() - began);
  const rows: string[][] = [['start the system', 'ok', untilNow, untilNow]];
  return {
    async run(name, step) {
      const from = context.elapsed();
      let outcome = 'failed';
      try {
        const value = await step();
        outcome = 'ok';
        return value;
      } finally {
        rows.push([name, outcome, ms(context.elapsed() - from), ms(context.elapsed() - began)]);
      }
    },
    print() {
      context.print(table([['step', '', 'took', 'at'], ...rows]));
    },
  };
};
