import type { AfterAnswer, ReportAnswer } from '../core/life-cycle.js';
import { backOff } from '../waiting/retry.js';
import { pause } from '../waiting/pause.js';
import type { CellContext } from './context.js';

export interface ReporterOptions<R extends { call: string }> {
  context: Pick<CellContext, 'clock' | 'random' | 'logger'>;
  /** aborted when the rep leaves */
  signal: AbortSignal;
  send(report: R): Promise<ReportAnswer>;
  judge(call: R['call'], answer: ReportAnswer): AfterAnswer;
  /** a definite answer; not told of what was overtaken by a later report */
  onAnswer(report: R, after: AfterAnswer): void;
}

/** Tells the BBS of one container: one call at a time, until answered; a later report replaces a waiting one. */
export interface Reporter<R> {
  /** ignored once the rep leaves */
  set(report: R): void;
  /** resolves when nothing waits to be told */
  idle(): Promise<void>;
}

export const createReporter = <R extends { call: string }>(options: ReporterOptions<R>): Reporter<R> => {
  const { clock, random, logger } = options.context;
  let wanted: R | undefined;
  let working: Promise<void> | undefined;
  /** there while a pause may be cut short: to make and abort one for every report costs more than the rest of it */
  let wake: AbortController | undefined;

  /** undefined: a defect, which must cost neither the process nor the BBS its report */
  const ask = async (report: R): Promise<ReportAnswer | undefined> => {
    try {
      return await options.send(report);
    } catch (error) {
      logger.error('report-failed', { call: report.call, error });
      return undefined;
    }
  };

  const tell = async (report: R): Promise<void> => {
    for (let attempt = 1; wanted === report && !options.signal.aborted; attempt += 1) {
      const answer = await ask(report);
      const error = answer?.ok === false ? answer.error : undefined;
      const after = answer === undefined ? 'retry' : options.judge(report.call, answer);
      if (after !== 'retry') {
        if (error !== undefined) logger.info('report-refused', { call: report.call, error });
        if (wanted !== report) return;
        wanted = undefined;
        return options.onAnswer(report, after);
      }
      if (attempt === 1) logger.warn('report-not-answered', { call: report.call, error });
      wake = new AbortController();
      await pause(clock, backOff(attempt, random), AbortSignal.any([wake.signal, options.signal]));
      wake = undefined;
    }
  };

  const work = async (): Promise<void> => {
    while (wanted !== undefined && !options.signal.aborted) await tell(wanted);
    working = undefined;
  };

  return {
    set(report) {
      if (options.signal.aborted) return;
      wanted = report;
      wake?.abort();
      working ??= work();
    },
    async idle() {
      while (working !== undefined) await working;
    },
  };
};
