/** What runs on a cell whose rep is killed: programs whose ends are known, and what people do with them meanwhile. */
import type { BbsClient } from '../../bbs/index.js';
import type { Action } from '../../common/model/action.js';
import type { BbsResult } from '../../common/model/bbs-error.js';
import type { Random } from '../../common/ports/random.js';
import { desiredLrp, pendingTask, runAction } from './lrps.js';
import { catchesUsr1 } from './rep-kill-witness.js';
import type { Alive, Witness } from './rep-kill-witness.js';

export const DOMAIN = 'rep-kill';
const SOURCE = 'APP';

/** `crasher`: ends by itself, again and again; the others live until they are told. */
export type AppKind = 'plain' | 'crasher' | 'monitored' | 'prepared' | 'accompanied';

export interface App {
  readonly processGuid: string;
  readonly kind: AppKind;
  /** that its programs end with */
  readonly status: number;
  instances: number;
  /** rounds that it has seen */
  age: number;
  /** instances were taken away: they may be gone without having crashed */
  shrunk: boolean;
  removed: boolean;
}

export interface Job {
  readonly taskGuid: string;
  readonly status: number;
  cancelled: boolean;
}

export interface Work {
  readonly bbs: BbsClient;
  readonly random: Random;
  readonly witness: Witness;
  readonly apps: Map<string, App>;
  readonly jobs: Map<string, Job>;
  /** by guid of the container, the status that it was made to end with */
  readonly doomed: Map<string, number>;
  /** instances and tasks at a time */
  readonly most: { apps: number; jobs: number };
  readonly counts: { apps: number; tasks: number; signalled: number; cancelled: number; scaled: number };
}

export const exitedWith = (status: number): string =>
  status === 0 ? '' : `${SOURCE}: Exited with status ${status}`;

/** Marks its start, leaves its result, and ends after its time or as soon as it is told to. */
const SCRIPT = `
read -r once < /proc/sys/kernel/random/uuid
[ -z "$WITNESS" ] || : > "$WITNESS/\${2:-$INSTANCE_GUID}.$1.$once"
[ -z "$2" ] || echo "$2" > result
trap "exit $STATUS" USR1
trap "exit 0" TERM
sleep "$LIFE" & wait $!
exit "$STATUS"
`;

const FOREVER = 3_600;

interface Program {
  step: string;
  status: number;
  /** s */
  life: number;
  taskGuid?: string;
}

const program = ({ witness }: Work, { step, status, life, taskGuid = '' }: Program): Action =>
  runAction({
    path: '/bin/sh',
    args: ['-c', SCRIPT, witness.mark, step, taskGuid],
    logSource: SOURCE,
    env: [
      ...witness.env,
      { name: 'STATUS', value: String(status) },
      { name: 'LIFE', value: life.toFixed(2) },
    ],
  });

const below = ({ random }: Work, limit: number): number => Math.floor(random.fraction() * limit);
const pick = <T>(work: Work, from: readonly T[]): T | undefined => from[below(work, from.length)];

const must = <T>(what: string, result: BbsResult<T>): void => {
  if (!result.ok) throw new Error(`${what}: ${result.error.type} ${result.error.message}`);
};

const KINDS: readonly AppKind[] = [
  'plain',
  'plain',
  'plain',
  'crasher',
  'crasher',
  'monitored',
  'prepared',
  'accompanied',
];

/** What of a desired LRP makes it one of that kind. */
const particular = (work: Work, kind: AppKind) => {
  const extra = (step: string, life: number): Action => program(work, { step, status: 0, life });
  switch (kind) {
    case 'prepared':
      return { setup: extra('setup', 0.3) };
    case 'accompanied':
      return { sidecars: [{ action: extra('sidecar-0', FOREVER), diskMb: 0, memoryMb: 0 }] };
    case 'monitored':
      return { monitor: runAction({ path: '/bin/sh', args: ['-c', 'exit 0'] }) };
    default:
      return {};
  }
};

const desire = async (work: Work): Promise<void> => {
  const { apps, bbs, counts, most, random } = work;
  if ([...apps.values()].filter(({ removed }) => !removed).length >= most.apps) return;
  const processGuid = `app-${(counts.apps += 1)}`;
  const kind = pick(work, KINDS) ?? 'plain';
  const status = 1 + below(work, 100);
  const life = kind === 'crasher' ? 0.2 + random.fraction() * 2 : FOREVER;
  const instances = 1 + below(work, 2);
  apps.set(processGuid, { processGuid, kind, status, instances, age: 0, shrunk: false, removed: false });
  const action = program(work, { step: 'main', status, life });
  const lrp = desiredLrp({ processGuid, domain: DOMAIN, instances, ports: [], routes: {}, action });
  const metricTags = { source_id: { static: processGuid, dynamic: 'DynamicValueInvalid' as const } };
  const whole = { ...lrp, memoryMb: 32, metricTags, ...particular(work, kind) };
  must('desire', await bbs.desireLrp(whole, 'rep-kill'));
};

const remove = async ({ bbs }: Work, app: App): Promise<void> => {
  app.removed = true;
  must('remove', await bbs.removeDesiredLrp(app.processGuid, 'rep-kill'));
};

const present = ({ apps }: Work): App[] => [...apps.values()].filter(({ removed }) => !removed);

const scale = async (work: Work): Promise<void> => {
  const app = pick(work, present(work));
  if (app === undefined) return;
  const instances = 1 + below(work, 3);
  if (instances < app.instances) app.shrunk = true;
  app.instances = instances;
  work.counts.scaled += 1;
  must('scale', await work.bbs.updateDesiredLrp(app.processGuid, { instances }, 'rep-kill'));
};

const submit = async (work: Work): Promise<void> => {
  const { bbs, counts, jobs, most, random } = work;
  if (jobs.size >= most.jobs) return;
  const taskGuid = `task-${(counts.tasks += 1)}`;
  const status = random.fraction() < 0.5 ? 0 : 1 + below(work, 100);
  const life = random.fraction() < 0.3 ? FOREVER : random.fraction() * 4;
  jobs.set(taskGuid, { taskGuid, status, cancelled: false });
  const action = program(work, { step: 'main', status, life, taskGuid });
  const definition = pendingTask({ action, resultFile: 'result', memoryMb: 32 });
  must('submit', await bbs.desireTask({ taskGuid, domain: DOMAIN, definition }, 'rep-kill'));
};

const cancel = async (work: Work): Promise<void> => {
  const job = pick(
    work,
    [...work.jobs.values()].filter(({ cancelled }) => !cancelled),
  );
  if (job === undefined) return;
  job.cancelled = true;
  work.counts.cancelled += 1;
  const result = await work.bbs.cancelTask(job.taskGuid, 'rep-kill');
  // it may have ended by itself meanwhile
  if (!result.ok && result.error.type !== 'InvalidStateTransition') must('cancel', result);
};

/** Who lives, has said how it wants to end, and was not told to yet. */
const mortals = ({ doomed, witness }: Work): { guid: string; alive: Alive }[] =>
  [...witness.alive()].flatMap(([key, alive]) => {
    const [guid = '', step = ''] = key.split(' ');
    return step === 'main' && !doomed.has(guid) && catchesUsr1(alive) ? [{ guid, alive }] : [];
  });

/** One that runs ends, with the status that it has for that or as a killed one does. */
const endOne = async (work: Work): Promise<void> => {
  const one = pick(work, mortals(work));
  if (one === undefined) return;
  const status = await statusOf(work, one.guid);
  if (status === undefined) return;
  const signal = work.random.fraction() < 0.7 ? 'SIGUSR1' : 'SIGKILL';
  try {
    process.kill(one.alive.pid, signal);
  } catch {
    return; // it has ended by itself
  }
  work.counts.signalled += 1;
  work.doomed.set(one.guid, signal === 'SIGUSR1' ? status : 137);
};

/** Of a container's program; undefined: it is one of those that end by themselves, or nobody's. */
const statusOf = async ({ apps, bbs, jobs }: Work, guid: string): Promise<number | undefined> => {
  const job = jobs.get(guid);
  if (job !== undefined) return job.status;
  const rows = await bbs.actualLrps({ domain: DOMAIN });
  const row = rows.ok ? rows.value.find(({ instanceGuid }) => instanceGuid === guid) : undefined;
  const app = row === undefined ? undefined : apps.get(row.processGuid);
  return app === undefined || app.kind === 'crasher' ? undefined : app.status;
};

/** How many rounds an application sees: its history is kept so far, and a crashed one would wait for long. */
const OLD = 5;

/** Those that have been there for long, or will not be started again for a while, go. */
export const removeOld = async (work: Work): Promise<void> => {
  for (const app of present(work)) {
    app.age += 1;
    if (app.age >= OLD || app.kind === 'crasher') await remove(work, app);
  }
};

const removeOne = async (work: Work): Promise<void> => {
  const app = pick(work, present(work));
  if (app !== undefined) await remove(work, app);
};

const OPERATIONS = [
  desire,
  desire,
  desire,
  desire,
  submit,
  submit,
  submit,
  endOne,
  endOne,
  scale,
  cancel,
  removeOne,
];

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** People and programs do something every now and then. */
export const churn = async (work: Work, ms: number): Promise<void> => {
  const until = performance.now() + ms;
  while (performance.now() < until) {
    await pick(work, OPERATIONS)?.(work);
    await pause(work.random.fraction() * 150);
  }
};
