/** The end of a container. */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cancel, Clock } from '../../../common/ports/clock.js';
import type { ContainerContext } from './context.js';
import { listDirectories, removeTree } from './layout.js';
import type { Layout } from './layout.js';

/** Time for everything killed to be gone, before the supervisors themselves are killed. */
const PATIENCE_MS = 5000;
/** a process that was just being started is met by the next round */
const KILL_AGAIN_MS = 100;

const createDeadline = (clock: Clock, ms: number): { passed: Promise<undefined>; cancel: Cancel } => {
  let cancel: Cancel = () => undefined;
  const passed = new Promise<undefined>((resolve) => (cancel = clock.after(ms, () => resolve(undefined))));
  return { passed, cancel: () => cancel() };
};

const killAll = async ({ processes }: ContainerContext): Promise<void> => {
  await Promise.all([...processes.values()].map((one) => one.running.signal('SIGKILL')));
};

const killSupervisors = async ({ cell, processes }: ContainerContext): Promise<void> => {
  for (const one of processes.values()) {
    if (!one.info().running) continue;
    const who = await one.identity();
    cell.logger.warn('supervisor-does-not-end', { dir: one.dir });
    try {
      if (who) process.kill(who.supervisor, 'SIGKILL');
    } catch {
      // it ended just now
    }
    await one.supervisorGone();
  }
};

/** Answers whether it is certain that nothing of the container runs any more. */
const endAll = async (container: ContainerContext): Promise<boolean> => {
  const { clock } = container.cell;
  await killAll(container);
  const ended = Promise.all([...container.processes.values()].map((one) => one.ended));
  const late = createDeadline(clock, PATIENCE_MS);
  const stopKilling = clock.every(KILL_AGAIN_MS, () => killAll(container));
  const exits = await Promise.race([ended, late.passed]);
  late.cancel();
  stopKilling();
  if (!exits) await killSupervisors(container);
  return exits?.every((exit) => exit.clean) ?? false;
};

const removeAll = async ({ cell, layout }: ContainerContext): Promise<void> => {
  if ((await cell.helper.request('clear', layout.dir)).ok) return;
  // the mark goes last: whoever finds it knows whose the rest is
  await markDestroyed(layout);
  const parts = (await listDirectories(layout.dir)).map((name) => join(layout.dir, name));
  await Promise.all(parts.map(removeTree));
  await removeTree(layout.dir);
};

const markDestroyed = (layout: Layout): Promise<void> =>
  rename(layout.record, layout.destroyed).catch(() => undefined);

/** Kills what runs and removes everything of it. */
export const destroyContainer = async (container: ContainerContext): Promise<void> => {
  const { cell, layout, processes, record } = container;
  // before anything is killed: a next life would take it for a crash
  if ([...processes.values()].some((one) => one.info().running)) await markDestroyed(layout);
  // a daemon that left its group, a fork that slipped through
  if (!(await endAll(container)) && record.uid > 0) await cell.helper.request('killall', String(record.uid));
  for (const one of processes.values()) {
    one.close();
    cell.processes.delete(one.dir);
  }
  cell.disks.remove(record.spec.guid);
  await removeAll(container);
  cell.release(record);
};
