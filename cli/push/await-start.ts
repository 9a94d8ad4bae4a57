import { isDeferral } from '../../common/model/deferral.js';
import { OutcryError } from '../../common/model/errors.js';
import { type Context, pause } from '../context.js';
import { act, processesOf, statsOf } from '../http/apps.js';
import type { App, InstanceStats, Process } from '../http/resources.js';
import { seconds } from '../output.js';
import { everFits } from './ever-fits.js';

const POLL_MS = 150;

/** Longer than any start timeout an application may ask for (180 s). */
const DEFAULT_TIMEOUT_S = 300;

/**
 * How long a state without movement is watched before it is taken for the outcome: a restarted application asks
 * for places before the old instances have given theirs back.
 */
const PATIENCE_MS = 5_000;

interface Look {
  /** the process that lacks a place, else the first one */
  process: Process | undefined;
  stats: InstanceStats[];
}

const timeoutOf = ({ env }: Context): number => {
  const asked = Number(env.OUTCRY_STARTUP_TIMEOUT);
  return (Number.isFinite(asked) && asked > 0 ? asked : DEFAULT_TIMEOUT_S) * 1000;
};

const count = (stats: readonly InstanceStats[], state: InstanceStats['state']): number =>
  stats.filter((instance) => instance.state === state).length;

/** Asked for, and nowhere: the API then says why. */
export const isUnplaced = ({ state, details }: InstanceStats): boolean =>
  state === 'DOWN' && Boolean(details);

const reasonOf = (stats: readonly InstanceStats[]): string =>
  stats.find(({ state, details }) => state !== 'RUNNING' && details)?.details ?? 'no reason given';

const look = async (context: Context, app: App): Promise<Look> => {
  const processes = await processesOf(context.api(), app);
  const each = await Promise.all(processes.map(({ guid }) => statsOf(context.api(), guid)));
  const lacking = each.findIndex((stats) => stats.some(isUnplaced));
  return { process: processes[Math.max(0, lacking)], stats: each.flat() };
};

/** Capacity is being sought for it. */
const isDeferred = ({ details }: InstanceStats): boolean => isDeferral(details ?? '');

/** Nothing starts any more: what does not run has crashed, or has no place. */
const isSettled = (stats: readonly InstanceStats[]): boolean =>
  stats.every(
    (instance) =>
      ['RUNNING', 'CRASHED'].includes(instance.state) || (isUnplaced(instance) && !isDeferred(instance)),
  );

const failed = async (context: Context, app: App, stats: readonly InstanceStats[]): Promise<OutcryError> => {
  const unplaced = stats.filter(isUnplaced);
  if (unplaced.length === 0) {
    return new OutcryError('START_FAILED', { app: app.name, reason: reasonOf(stats) });
  }
  const reason = reasonOf(unplaced);
  await act(context.api(), app, 'stop');
  return new OutcryError('PLACEMENT_FAILED', { app: app.name, reason });
};

/** Whether waiting on is of no use. `settledMs`: how long nothing has started any more; undefined = just since now. */
const isFinal = async (
  context: Context,
  { process, stats }: Look,
  settledMs: number | undefined,
): Promise<boolean> => {
  if (stats.every(({ state }) => state === 'CRASHED')) return true;
  if (!isSettled(stats)) return false;
  if (settledMs !== undefined) return settledMs >= PATIENCE_MS;
  if (process === undefined || !stats.some(isUnplaced)) return false;
  return !(await everFits(context, process));
};

const startedText = (stats: readonly InstanceStats[], ms: number): string =>
  stats.length === 0
    ? 'with no instances'
    : `${count(stats, 'RUNNING')} of ${stats.length} running after ${seconds(ms)}`;

/** Some run, and no more will for now. A remark, not an error. */
const noteRest = (context: Context, stats: readonly InstanceStats[], ms: number): void => {
  const unplaced = stats.filter(isUnplaced);
  const crashed = stats.filter(({ state }) => state === 'CRASHED');
  const parts = [
    unplaced.length > 0 ? `${unplaced.length} without a place: ${reasonOf(unplaced)}` : '',
    crashed.length > 0 ? `${crashed.length} crashed: ${reasonOf(crashed)}` : '',
  ].filter((part) => part !== '');
  const rest = parts.length === 0 ? 'the others are still starting' : parts.join('; ');
  context.note(`  started    ${startedText(stats, ms)}; ${rest}`);
};

const watch = async (context: Context, app: App): Promise<InstanceStats[]> => {
  const began = context.elapsed();
  let settledAt: number | undefined;
  for (;;) {
    const now = await look(context, app);
    const { stats } = now;
    const running = count(stats, 'RUNNING');
    const waited = context.elapsed() - began;
    if (running === stats.length) {
      context.note(`  started    ${startedText(stats, waited)}`);
      return stats;
    }
    const settledMs = settledAt === undefined ? undefined : context.elapsed() - settledAt;
    if (waited > timeoutOf(context) || (await isFinal(context, now, settledMs))) {
      if (running === 0 && isSettled(stats)) throw await failed(context, app, stats);
      if (running === 0) {
        const reason = `none of ${stats.length} running after ${seconds(waited)}`;
        throw new OutcryError('START_FAILED', { app: app.name, reason });
      }
      noteRest(context, stats, waited);
      return stats;
    }
    settledAt = isSettled(stats) ? (settledAt ?? context.elapsed()) : undefined;
    context.progress(`  starting   ${running} of ${stats.length} running`);
    await pause(context, POLL_MS);
  }
};

/**
 * Waits until every instance runs, saying how it goes. Fails with PLACEMENT_FAILED (the application is stopped then)
 * or START_FAILED when none runs and none will; when some do, the rest is a remark.
 */
export const awaitStart = async (context: Context, app: App): Promise<InstanceStats[]> => {
  try {
    return await watch(context, app);
  } catch (error) {
    if (context.interrupted.aborted) {
      context.note(`  note       ${app.name} goes on starting; 'outcry app ${app.name}' shows how it goes`);
    }
    throw error;
  }
};
