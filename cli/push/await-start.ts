import { OutcryError } from '../../common/model/errors.js';
import type { Context } from '../context.js';
import { act, statsOf, webProcess } from '../http/apps.js';
import type { App, InstanceStats } from '../http/resources.js';
import { seconds } from '../output.js';

const POLL_MS = 150;

/** Longer than any start timeout an application may ask for (180 s). */
const DEFAULT_TIMEOUT_S = 300;

const timeoutOf = (context: Context): number => {
  const asked = Number(context.env.OUTCRY_STARTUP_TIMEOUT);
  return (Number.isFinite(asked) && asked > 0 ? asked : DEFAULT_TIMEOUT_S) * 1000;
};

const count = (stats: readonly InstanceStats[], state: InstanceStats['state']): number =>
  stats.filter((instance) => instance.state === state).length;

const reasonOf = (stats: readonly InstanceStats[]): string =>
  stats.find(({ details }) => details !== null && details !== undefined && details !== '')?.details ??
  'no reason given';

/** Fails at once when nothing of the application can be placed, or when all of it has crashed. */
const failIfHopeless = async (context: Context, app: App, stats: readonly InstanceStats[]): Promise<void> => {
  if (stats.length > 0 && count(stats, 'CRASHED') === stats.length) {
    throw new OutcryError('START_FAILED', { app: app.name, reason: reasonOf(stats) });
  }
  const unplaced = stats.filter(
    ({ state, details }) => state !== 'RUNNING' && state !== 'CRASHED' && details,
  );
  if (stats.length === 0 || unplaced.length < stats.length) return;
  await act(context.api(), app, 'stop');
  throw new OutcryError('PLACEMENT_FAILED', { app: app.name, reason: reasonOf(unplaced) });
};

/**
 * Waits until every instance runs, saying how it goes. Some running when the time is up is a remark, none an error.
 */
export const awaitStart = async (context: Context, app: App): Promise<InstanceStats[]> => {
  const { guid } = await webProcess(context.api(), app);
  const began = context.elapsed();
  const timeout = timeoutOf(context);
  for (;;) {
    const stats = await statsOf(context.api(), guid);
    const running = count(stats, 'RUNNING');
    const progress = `${running} of ${stats.length} running`;
    if (running === stats.length) {
      context.note(`  started    ${progress} after ${seconds(context.elapsed() - began)}`);
      return stats;
    }
    await failIfHopeless(context, app, stats);
    context.progress(`  starting   ${progress}`);
    if (context.elapsed() - began > timeout) {
      if (running === 0) throw new OutcryError('START_FAILED', { app: app.name, reason: reasonOf(stats) });
      context.note(`  started    ${progress}; the others are still starting: ${reasonOf(stats)}`);
      return stats;
    }
    context.interrupted.throwIfAborted();
    await context.sleep(POLL_MS);
  }
};
