import type { Context, JobRow, JobState, WriteTables } from './rows.js';

/** Finished jobs kept; a client that polls has long read older ones. */
const RETAINED_JOBS = 500;

const dropOld = (tables: WriteTables): void => {
  if (tables.jobs.count() <= RETAINED_JOBS) return;
  const finished = [...tables.jobs.entries()]
    .map(([, job]) => job)
    .filter((job) => job.state !== 'PROCESSING');
  finished.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  for (const job of finished.slice(0, tables.jobs.count() - RETAINED_JOBS)) tables.jobs.delete(job.guid);
};

/** A job lives in the same commit as the change it stands for, so that no crash loses one of them. */
export const createJob = (tables: WriteTables, context: Context, operation: string): JobRow => {
  const job: JobRow = {
    guid: context.newGuid(),
    operation,
    state: 'PROCESSING',
    error: '',
    createdAt: context.now,
    updatedAt: context.now,
  };
  tables.jobs.put(job.guid, job);
  dropOld(tables);
  return job;
};

export const finishJob = (
  tables: WriteTables,
  context: Context,
  input: { guid: string; error: string },
): void => {
  const job = tables.jobs.get(input.guid);
  if (!job || job.state !== 'PROCESSING') return;
  const state: JobState = input.error === '' ? 'COMPLETE' : 'FAILED';
  tables.jobs.put(job.guid, { ...job, state, error: input.error, updatedAt: context.now });
};
