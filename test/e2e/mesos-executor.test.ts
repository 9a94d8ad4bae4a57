import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { RunAction } from '../../common/model/action.js';
import { eventually } from '../support/eventually.js';
import { HANDED, programsWith, startMesosGround } from '../support/executor-process.js';
import type { ExecutorProcess } from '../support/executor-process.js';
import { lrpTask } from '../support/executor-world.js';
import { desiredLrp, runAction } from '../support/lrps.js';

const PATIENCE = { timeoutMs: 40_000 };

let words = 0;
/** A number of seconds that nobody else sleeps. */
const word = (): string => `${86_400 + process.pid}.${(words += 1)}`;

const sleeping = (seconds: string): RunAction =>
  runAction({ path: '/bin/sh', args: ['-c', `exec sleep ${seconds}`] }).run as RunAction;

/** As a BBS takes it. */
const application = (processGuid: string, seconds: string) =>
  desiredLrp({
    processGuid,
    ports: [],
    action: { run: sleeping(seconds) },
    metricTags: { source_id: { static: processGuid, dynamic: 'DynamicValueInvalid' } },
  });

type Ground = Awaited<ReturnType<typeof startMesosGround>>;

const GUID = 'instance-1';

/** An executor with one instance that sleeps. */
const running = async (ground: Ground, seconds: string, executorId = 'outcry.abc.1') => {
  const desired = await ground.bbs.desireLrp(application('app', seconds), '');
  if (!desired.ok) throw new Error(desired.error.message);
  const executor = ground.start(executorId);
  await ground.subscribed();
  const task = lrpTask(GUID, { domain: 'test' }, {});
  ground.launch(task);
  const id = task.taskId.value;
  const isRunning = (): boolean => ground.agent.told(id).includes('RUNNING');
  await eventually(isRunning, { ...PATIENCE, what: 'running' }).catch((error: unknown) => {
    throw new Error(executor.output(), { cause: error });
  });
  await eventually(() => programsWith(seconds).length === 1, PATIENCE);
  return { executor, id };
};

const places = (ground: Ground): string[] => readdirSync(join(ground.dir, 'executors'));

const filesBelow = (dir: string): string[] =>
  readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name));

/** Of all files; from the beginning when one has been renamed meanwhile: its executor goes on writing. */
const textsBelow = async (dir: string, isWanted: (path: string) => boolean): Promise<string[]> => {
  let texts: string[] = [];
  await eventually(
    () => {
      try {
        texts = filesBelow(dir)
          .filter(isWanted)
          .map((path) => readFileSync(path, 'latin1'));
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
        throw error;
      }
    },
    { ...PATIENCE, what: `all files below ${dir} are read` },
  );
  return texts;
};

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

t.test(
  "mesos executor - defect 13, a process: enrols, runs an instance at its agent's own address, is shut down, and leaves nothing",
  async (t) => {
    const ground = await startMesosGround(t);
    const seconds = word();
    const { executor, id } = await running(ground, seconds);
    t.same(ground.agent.told(id), ['STARTING', 'RUNNING']);
    const rows = await ground.bbs.actualLrps({ processGuid: 'app' });
    t.match(rows.ok && rows.value, [
      { instanceGuid: GUID, cellId: 'mesos-agent-S0', state: 'RUNNING', address: '127.0.0.1' },
    ]);
    ground.agent.tell({ type: 'SHUTDOWN' });
    t.equal(await executor.ended, 0, executor.output());
    t.same(ground.agent.told(id), ['STARTING', 'RUNNING', 'KILLING', 'KILLED']);
    t.same(programsWith(seconds), []);
    t.same(places(ground), []);
  },
);

t.test(
  'mesos executor - no secret is in the sandbox, in what it prints, or in its environment',
  async (t) => {
    const ground = await startMesosGround(t);
    const { executor } = await running(ground, word());
    const visible = [
      executor.output(),
      JSON.stringify(executor.environment),
      ...(await textsBelow(ground.dir, (path) => !path.startsWith(join(ground.dir, 'executors')))),
    ];
    t.notOk(visible.some((text) => text.includes(HANDED.busPassword)));
    const kept = await textsBelow(join(ground.dir, 'executors'), () => true);
    t.ok(
      kept.some((text) => text.includes(HANDED.busPassword)),
      'the search would find it',
    );
  },
);

const killAndWait = async (pid: number): Promise<void> => {
  process.kill(pid, 'SIGKILL');
  await eventually(() => isGone(pid), PATIENCE);
};

const workerOf = (executor: ExecutorProcess): number => {
  const worker = executor.worker();
  if (worker === undefined) throw new Error('there is no worker');
  return worker;
};

t.test(
  'mesos executor - its worker is killed: the same program runs on, and Mesos hears no word of it',
  async (t) => {
    const ground = await startMesosGround(t);
    const seconds = word();
    const { executor, id } = await running(ground, seconds);
    const [program] = programsWith(seconds);
    await killAndWait(workerOf(executor));
    await ground.subscribed(2);
    t.same(programsWith(seconds), [program]);
    t.same(ground.agent.told(id), ['STARTING', 'RUNNING']);
    ground.agent.tell({ type: 'KILL', kill: { taskId: { value: id } } });
    await eventually(() => ground.agent.told(id).includes('KILLED'), PATIENCE);
    t.same(programsWith(seconds), []);
    ground.agent.tell({ type: 'SHUTDOWN' });
    t.equal(await executor.ended, 0, executor.output());
  },
);

t.test(
  'mesos executor - the process that Mesos knows is killed: its worker ends what runs, and itself',
  async (t) => {
    const ground = await startMesosGround(t);
    const seconds = word();
    const { executor } = await running(ground, seconds);
    const worker = workerOf(executor);
    process.kill(executor.pid, 'SIGKILL');
    await eventually(() => isGone(worker), PATIENCE);
    t.same(programsWith(seconds), []);
  },
);

t.test(
  'mesos executor - all of it is killed: the next executor on the agent removes what it left',
  async (t) => {
    const ground = await startMesosGround(t);
    const seconds = word();
    const { executor } = await running(ground, seconds);
    const worker = workerOf(executor);
    for (const pid of [worker, executor.pid]) process.kill(pid, 'SIGSTOP');
    for (const pid of [worker, executor.pid]) process.kill(pid, 'SIGKILL');
    await eventually(() => isGone(worker), PATIENCE);
    t.equal(programsWith(seconds).length, 1, 'nobody was there to end it');
    const next = ground.start('outcry.abc.2');
    await ground.subscribed(2);
    t.same(programsWith(seconds), []);
    t.equal(places(ground).length, 1);
    const other = word();
    const lrp = application('other', other);
    t.ok((await ground.bbs.desireLrp(lrp, '')).ok);
    const task = lrpTask('instance-2', { processGuid: 'other' }, {});
    ground.launch(task);
    await eventually(() => ground.agent.told(task.taskId.value).includes('RUNNING'), {
      ...PATIENCE,
      what: 'the dead one holds the presence for no longer than its lease',
    });
    ground.agent.tell({ type: 'SHUTDOWN' });
    t.equal(await next.ended, 0, next.output());
    t.same(programsWith(other), []);
  },
);

t.test(
  'mesos executor - a bad token, and an environment of nobody: said in words, not tried again',
  async (t) => {
    const ground = await startMesosGround(t);
    const refused = ground.start('outcry.abc.1', { OUTCRY_ENROLMENT_TOKEN: 'guessed' });
    t.equal(await refused.ended, 1);
    t.match(refused.output(), /ENROLMENT_REFUSED.*its token is not its own/);
    t.equal(ground.logger.named('enrolment-refused').length, 1);
    const nobody = ground.start('', {});
    t.equal(await nobody.ended, 1);
    t.match(nobody.output(), /EXECUTOR_ENVIRONMENT_INVALID.*MESOS_EXECUTOR_ID not set/);
  },
);
