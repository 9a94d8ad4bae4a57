/**
 * Executors of many simulated agents in one process, each put together as `outcry cell --mesos` does it: it enrols, keeps
 * notes in files, and has connections of its own to the bus, the BBS and its agent. Only its containers are simulated: a
 * process runs for as many seconds as its first argument says.
 */
import { join } from 'node:path';
import { createBbsClient } from '../bbs/index.js';
import { cellRepConfig } from '../cell-rep/config.js';
import { createSimulatedRuntime } from '../cell-rep/runtimes/simulated/runtime.js';
import { createNatsBus } from '../common/adapters/nats-bus.js';
import { readNatsAccess } from '../common/adapters/nats-access.js';
import { createPinoLogger } from '../common/adapters/pino-logger.js';
import { createSystemClock } from '../common/adapters/system-clock.js';
import { createSystemRandom } from '../common/adapters/system-random.js';
import { configError, joinConfigs } from '../common/runtime/config.js';
import { readConfig } from '../common/runtime/config-file.js';
import { closingMember, createGroup } from '../common/runtime/group.js';
import type { Group } from '../common/runtime/group.js';
import { bbsLinkConfig, processConfig } from '../common/runtime/process-config.js';
import { cellIdOf } from '../mesos-bridge/core/cell-id.js';
import { enrol } from '../mesos-bridge/executor/enrol.js';
import { readEnvironment } from '../mesos-bridge/executor/environment.js';
import type { ExecutorEnvironment } from '../mesos-bridge/executor/environment.js';
import { assembleExecutor } from '../mesos-bridge/executor/main.js';
import { keepEnrolment, makePlace, placeOf } from '../mesos-bridge/executor/place.js';
import type { ExecutorPlace } from '../mesos-bridge/executor/place.js';
import { createFileTaskNotes } from '../mesos-bridge/executor/task-notes.js';
import { createExecutorClient } from '../mesos-bridge/protocol/executor/client.js';
import { NO_UPLOADS } from '../test/support/no-uploads.js';
import type { HostOrder, HostReport } from './mesos-simulated.js';

const config = joinConfigs({ process: processConfig('cell'), link: bbsLinkConfig, cell: cellRepConfig });

const dataDir = process.argv[2] ?? '';
const clock = createSystemClock();
const random = createSystemRandom();
const logger = createPinoLogger({ level: 'error', destination: process.stderr });
const ground = { clock, random, logger };

const tell = (report: HostReport): void => void process.send?.(report);

const secondsOf = (args: readonly string[]): number => Number(args[0] ?? 0);

const build = ({ agent }: ExecutorEnvironment, place: ExecutorPlace) => {
  const read = readConfig(place.configFile, config);
  if (!read.ok) throw configError(read.error);
  const { process: own, link, cell } = read.value;
  const access = readNatsAccess(own.natsFile);
  const bus = createNatsBus({ ...access, ...ground, name: access.credentials.user });
  const bbs = createBbsClient({ endpoint: link.endpoint, ...ground });
  const executor = assembleExecutor(
    {
      ...ground,
      bus,
      bbs,
      config: cell,
      runtime: createSimulatedRuntime({
        ...ground,
        script: ({ args }) => ({ runMs: secondsOf(args) * 1_000 }),
      }),
      downloader: { fetch: async () => ({ ok: false, reason: 'no network' }) },
      uploader: NO_UPLOADS,
    },
    {
      environment: agent,
      connect: (handlers, earlier) =>
        createExecutorClient({ environment: agent, encoding: 'protobuf', ...ground, handlers, earlier }),
      notes: createFileTaskNotes(place.tasksDir, logger),
    },
  );
  const members = [closingMember('bus', bus), closingMember('bbs-client', bbs), ...executor.members];
  return { group: createGroup(members, logger), done: executor.done };
};

const start = async (variables: Readonly<Record<string, string>>): ReturnType<typeof startEnrolled> => {
  const environment = readEnvironment(variables);
  if (!environment.ok) throw new Error(environment.error);
  return startEnrolled(environment.value);
};

const startEnrolled = async (environment: ExecutorEnvironment) => {
  const { agentId, executorId } = environment.agent;
  const place = placeOf(join(dataDir, agentId), executorId);
  await makePlace(place);
  const enrolment = await enrol({ environment, ...ground });
  await keepEnrolment(place, enrolment, { cell_id: cellIdOf(agentId), address: environment.address });
  const built = build(environment, place);
  await built.group.start();
  return built;
};

const running = new Map<string, Group>();

const live = async ({ containerId, environment }: HostOrder & { kind: 'start' }): Promise<void> => {
  const { group, done } = await start(environment);
  running.set(containerId, group);
  await done;
  running.delete(containerId);
  await group.stop();
};

const end = (containerId: string): void => {
  // whoever is killed says no farewell
  running.delete(containerId);
  tell({ containerId, status: 9 });
};

process.on('message', (order: HostOrder) => {
  if (order.kind === 'end') return end(order.containerId);
  const { containerId } = order;
  live(order).then(
    () => tell({ containerId, status: 0 }),
    (error: unknown) => {
      console.error(error);
      tell({ containerId, status: 256 });
    },
  );
});
process.once('disconnect', () => process.exit());
