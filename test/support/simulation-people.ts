import type { Action, RunAction } from '../../common/model/action.js';
import type { BbsErrorType } from '../../common/model/bbs-error.js';
import type { BbsResult } from '../../common/model/bbs-error.js';
import { desiredLrp, taskDefinition } from './bbs.js';
import { desiredOf, rowsOf, tasksOf } from './simulation-checks.js';
import type { Simulation } from './simulation.js';

/** Those who push, scale and delete. They ask until they are answered, and remember what was acknowledged. */
export interface People {
  /** one of the things that people do, by chance */
  act(): void;
  /** acknowledged changes that the board does not know; [] = none was lost */
  lost(): string[];
  /** what has not been answered yet */
  waiting(): number;
  counts(): { apps: number; tasks: number; acknowledged: number };
}

const AGAIN_MS = 700;
const RUN: RunAction = {
  path: '',
  args: [],
  dir: '',
  env: [],
  user: 'vcap',
  logSource: '',
  suppressLogOutput: false,
  volumeMountedFiles: [],
};
const APP_MB = [64, 128, 256];

export const createPeople = (
  simulation: Simulation,
  limits: { apps: number; tasks: number; prefix: string },
): People => {
  const { client, clock, random } = simulation;
  /** process guid → instances acknowledged */
  const wanted = new Map<string, number>();
  const tasks = new Set<string>();
  /** ids with a change under way */
  const busy = new Set<string>();
  let made = 0;
  let acknowledged = 0;

  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random.fraction() * items.length)];
  const idle = (): string[] => [...wanted.keys()].filter((guid) => !busy.has(guid));

  /** true once it was done, by this or an earlier attempt that got no answer */
  const insist = async (
    id: string,
    call: () => Promise<BbsResult<void>>,
    fine: readonly BbsErrorType[],
  ): Promise<boolean> => {
    busy.add(id);
    for (;;) {
      const result = await call();
      if (result.ok || fine.includes(result.error.type)) break;
      if (result.error.unavailable !== true) {
        simulation.wrongs.push(`${id}: refused: ${result.error.type} ${result.error.message}`);
        break;
      }
      await clock.sleep(AGAIN_MS);
    }
    busy.delete(id);
    acknowledged += 1;
    return true;
  };

  const push = async (): Promise<void> => {
    made += 1;
    const processGuid = `${random.fraction() < 0.25 ? 'crashing' : 'steady'}-${limits.prefix}-${made}`;
    const instances = 1 + Math.floor(random.fraction() * 6);
    const action = (path: string): Action => ({ run: { ...RUN, path } });
    const lrp = desiredLrp({
      processGuid,
      instances,
      memoryMb: pick(APP_MB) ?? 64,
      ...(random.fraction() < 0.3 ? { monitor: action('/bin/check') } : {}),
      ...(random.fraction() < 0.3 ? { setup: action('/bin/set-up') } : {}),
    });
    await insist(processGuid, () => client.desireLrp(lrp, 'people'), ['ResourceExists']);
    wanted.set(processGuid, instances);
  };
  const scale = async (): Promise<void> => {
    const guid = pick(idle());
    if (guid === undefined) return;
    const instances = Math.floor(random.fraction() * 7);
    wanted.delete(guid);
    await insist(guid, () => client.updateDesiredLrp(guid, { instances }, 'people'), []);
    wanted.set(guid, instances);
  };
  const remove = async (): Promise<void> => {
    const guid = pick(idle());
    if (guid === undefined) return;
    wanted.delete(guid);
    await insist(guid, () => client.removeDesiredLrp(guid, 'people'), ['ResourceNotFound']);
  };
  const restart = async (): Promise<void> => {
    const row = simulation.board() && pick(rowsOf(simulation));
    if (row === undefined || busy.has(row.processGuid)) return;
    const key = { processGuid: row.processGuid, index: row.index, domain: row.domain };
    await insist(`restart of ${row.processGuid}`, () => client.retireActualLrp(key, 'people'), [
      'ResourceNotFound',
    ]);
  };
  const submit = async (): Promise<void> => {
    made += 1;
    const taskGuid = `${random.fraction() < 0.2 ? 'long' : 'task'}-${limits.prefix}-${made}`;
    const definition = taskDefinition({ memoryMb: pick(APP_MB) ?? 64, diskMb: 64 });
    const ask = () => client.desireTask({ taskGuid, domain: 'tasks', definition }, 'people');
    await insist(taskGuid, ask, ['ResourceExists']);
    tasks.add(taskGuid);
  };
  const cancel = async (): Promise<void> => {
    const guid = pick([...tasks]);
    if (guid === undefined || busy.has(guid)) return;
    await insist(guid, () => client.cancelTask(guid, 'people'), ['InvalidStateTransition']);
  };

  const act = async (): Promise<void> => {
    const chance = random.fraction();
    if (chance < 0.3) return wanted.size < limits.apps ? push() : remove();
    if (chance < 0.5) return scale();
    if (chance < 0.6) return remove();
    if (chance < 0.7) return restart();
    if (chance < 0.95) return tasks.size < limits.tasks ? submit() : undefined;
    return cancel();
  };

  const lost = (): string[] => {
    const problems: string[] = [];
    const desired = new Map(desiredOf(simulation).map((lrp) => [lrp.processGuid, lrp.instances]));
    for (const [guid, instances] of wanted) {
      if (desired.get(guid) !== instances)
        problems.push(`${guid}: ${desired.get(guid)} instead of ${instances}`);
    }
    for (const guid of desired.keys()) {
      if (!wanted.has(guid) && !busy.has(guid)) problems.push(`${guid} is desired again`);
    }
    const known = new Set(tasksOf(simulation).map(({ taskGuid }) => taskGuid));
    for (const guid of tasks) if (!known.has(guid)) problems.push(`task ${guid} is gone`);
    return problems;
  };

  return {
    act: () => void act(),
    lost,
    waiting: () => busy.size,
    counts: () => ({ apps: wanted.size, tasks: tasks.size, acknowledged }),
  };
};
