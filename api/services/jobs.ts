import type { ApiFailure } from '../core/failure.js';
import { finishJob } from '../core/jobs.js';
import type { Result } from '../../common/model/result.js';
import type { State } from '../store/state.js';
import type { Background } from './background.js';

/** Runs what a job stands for and keeps how it ended. */
export interface Jobs {
  /** ends those of an earlier life: their rows changed with the job, and comparisons have done the rest */
  finishOld(): Promise<void>;
  run(jobGuid: string, work: () => Promise<Result<void, ApiFailure[]>>): void;
}

export const createJobs = (state: State, background: Background): Jobs => {
  const finish = (guid: string, error: string): Promise<void> =>
    state.change((tables, context) => finishJob(tables, context, { guid, error }));

  const old = [...state.tables.jobs.entries()].flatMap(([guid, job]) =>
    job.state === 'PROCESSING' ? [guid] : [],
  );

  return {
    async finishOld() {
      for (const guid of old.splice(0)) await finish(guid, '');
    },
    run(guid, work) {
      background.run('job', async () => {
        const outcome = await work();
        await finish(guid, outcome.ok ? '' : (outcome.error[0]?.detail ?? 'failed'));
      });
    },
  };
};
