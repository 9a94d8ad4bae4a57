/** Starts processes in a container, and finds those of an earlier life. */
import { resolve } from 'node:path';
import { BINDINGS_ROOT } from '../../core/container-runtime.js';
import { CREDENTIALS_ROOT } from '../../core/credentials.js';
import type { ProcessSpec, RunResult } from '../../core/container-runtime.js';
import { writeFiles } from './content.js';
import type { ContainerContext } from './context.js';
import { buildEnvironment, specProblem } from './environment.js';
import { processDir, removeTree } from './layout.js';
import { createSupervisedProcess, readState } from './process.js';
import type { SupervisedProcess, SupervisedExit } from './process.js';

const RECHECK_MS = 50;

/** `lost`: the helper died over it, nothing was started */
type StartResult = RunResult & { lost?: boolean };

const register = (
  { cell, layout, processes }: ContainerContext,
  id: string,
  exit?: SupervisedExit,
): SupervisedProcess => {
  const { clock, logger } = cell;
  const one = createSupervisedProcess({
    id,
    dir: processDir(layout, id),
    clock,
    logger,
    ...(exit && { exit }),
  });
  processes.set(id, one);
  return one;
};

export const unregister = async (
  { cell, processes }: ContainerContext,
  one: SupervisedProcess,
): Promise<void> => {
  processes.delete(one.running.id);
  cell.processes.delete(one.dir);
  one.close();
  await removeTree(one.dir);
};

/** What was not started, as far as is known. */
const abandon = async (container: ContainerContext, one: SupervisedProcess): Promise<void> => {
  await one.endSession(); // should its supervisor have been killed just after it began
  await unregister(container, one);
};

/** The helper died over it: the supervisor lives and has said so in its file, or it is found to be gone. */
const startedAfterAll = async ({ cell }: ContainerContext, one: SupervisedProcess): Promise<boolean> => {
  while (one.info().running) {
    if (await one.identity()) return true;
    await cell.clock.sleep(RECHECK_MS);
  }
  return (await one.identity()) !== undefined;
};

const startRequest = ({ cell, layout, record }: ContainerContext, spec: ProcessSpec): string[] => {
  const place = {
    home: layout.home,
    tmp: layout.tmp,
    path: cell.path,
    ports: record.ports,
    instead: {
      [CREDENTIALS_ROOT]: layout.credentials,
      ...(spec.files !== undefined && { [BINDINGS_ROOT]: layout.bindings }),
    },
  };
  const user = String(record.uid);
  // a limit on processes counts all of a user: only where the user is the container's own
  const pids = record.uid >= 0 ? record.spec.limits.maxPids : 0;
  return [
    processDir(layout, spec.id),
    `${record.spec.guid}/${spec.id}`,
    user,
    user,
    String(spec.nofile ?? 0),
    String(pids),
    String(cell.outputFileBytes),
    resolve(layout.home, spec.dir),
    String(spec.args.length),
    spec.path,
    ...spec.args,
    ...Object.entries(buildEnvironment(spec, place)).map(([key, value]) => `${key}=${value}`),
  ];
};

const start = async (container: ContainerContext, spec: ProcessSpec): Promise<StartResult> => {
  const { helper, processes } = container.cell;
  const one = register(container, spec.id);
  await helper.ready();
  // from here on its end may be told; not before, when nobody holds its lock yet
  processes.set(one.dir, one);
  const reply = await helper.request('start', ...startRequest(container, spec));
  if (reply.ok || (reply.lost && (await startedAfterAll(container, one))))
    return { ok: true, process: one.running };
  await abandon(container, one);
  return { ok: false, reason: reply.reason, lost: reply.lost };
};

export const runIn = async (container: ContainerContext, spec: ProcessSpec): Promise<RunResult> => {
  const { layout } = container;
  const problem = specProblem(spec);
  if (problem !== undefined) return { ok: false, reason: problem };
  if (container.processes.has(spec.id)) return { ok: false, reason: `process ${spec.id} exists already` };
  try {
    if (spec.files !== undefined) await writeFiles(container, layout.bindings, spec.files);
  } catch (error) {
    return { ok: false, reason: `failed to create volume mounted files: ${(error as Error).message}` };
  }
  const first = await start(container, spec);
  // the helper died over it, and it is certain that nothing was started: its successor may try
  return !first.ok && first.lost === true ? start(container, spec) : first;
};

export const adoptProcess = async (container: ContainerContext, id: string): Promise<void> => {
  const { exit } = await readState(processDir(container.layout, id));
  const one = register(container, id, exit);
  container.cell.processes.set(one.dir, one);
  if (exit) return;
  await container.cell.watch(one.dir);
  // whoever asked for it was killed over it; a supervisor that comes late finds no place
  if (await one.neverBegan()) await unregister(container, one);
};
