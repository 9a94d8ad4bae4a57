import { decode, encode } from '../../common/wire/codec.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import type { Bus } from '../../common/ports/bus.js';
import { isTerminal } from '../../mesos-bridge/core/task-status.js';
import { parseTaskId } from '../../mesos-bridge/core/task-id.js';
import type { Master } from '../../mesos-bridge/simulator/master/state.js';
import { must } from './bbs.js';
import { desiredOf, instanceProblems, rowsOf, taskProblems } from './simulation-checks.js';
import type { Ground } from './simulation-checks.js';
import type { MesosMachine, SimulationMesos } from './simulation-mesos.js';
import type { Simulation } from './simulation.js';

/** Everything finds room on Mesos: whatever waits in the end is a problem. */
const groundOf = (mesos: SimulationMesos): Ground => ({
  contents: mesos.boxes().flatMap((cell) => cell.contents().map((one) => ({ ...one, cell }))),
  hasRoomFor: () => true,
});

const guidOfTask = (taskId: string): string => {
  const identity = parseTaskId(taskId);
  if (identity === undefined) return `unreadable ${taskId}`;
  return identity.kind === 'lrp' ? identity.instanceGuid : identity.taskGuid;
};

const sameList = (what: string, one: readonly string[], other: readonly string[]): string[] => {
  const [left, right] = [[...one].sort(), [...other].sort()];
  if (left.join() === right.join()) return [];
  const extra = left.filter((guid) => !right.includes(guid));
  const missing = right.filter((guid) => !left.includes(guid));
  return [
    `${what}: too many ${extra.join() || '-'}, missing ${missing.join() || '-'} (${left.length}/${right.length})`,
  ];
};

const tasksOfMaster = (m: Master): string[] =>
  [...m.frameworks.values()].flatMap(({ tasks }) =>
    [...tasks.values()].filter(({ state }) => !isTerminal(state as never)).map(({ id }) => guidOfTask(id)),
  );

/** Containers, the master and the agents speak of the same tasks. */
const mesosProblems = (mesos: SimulationMesos): string[] => {
  const m = mesos.master();
  if (m === undefined) return ['there is no master'];
  const containers = groundOf(mesos).contents.map(({ identity }) => identity.guid);
  const agents = mesos.machines.flatMap(({ agent, lost }) =>
    lost ? [] : agent.executors().flatMap(({ taskIds }) => taskIds.map(guidOfTask)),
  );
  const away = mesos.machines.filter(({ lost, agent }) => !lost && agent.phase() !== 'registered');
  return [
    ...away.map(({ agent }) => `${agent.hostname} is ${agent.phase()}`),
    ...(m.frameworks.size === 1 ? [] : [`${m.frameworks.size} frameworks`]),
    ...sameList('tasks of the master and containers', tasksOfMaster(m), containers),
    ...sameList('tasks of the agents and containers', agents, containers),
  ];
};

/** Executors that nobody uses are gone, and those of the master are those that exist. */
const executorProblems = (mesos: SimulationMesos): string[] => {
  const alive = mesos.boxes().filter((box) => box.exists());
  const told = [...(mesos.master()?.agents.values() ?? [])].flatMap(({ executors }) =>
    [...executors.values()].map(({ id }) => id),
  );
  return sameList(
    'executors of the master and those that live',
    told,
    alive.map(({ executorId }) => executorId),
  );
};

export const mesosRunProblems = (simulation: Simulation, mesos: SimulationMesos): string[] =>
  simulation.board() === undefined
    ? ['there is no BBS']
    : [
        ...instanceProblems(simulation, groundOf(mesos)),
        ...taskProblems(simulation, groundOf(mesos)),
        ...mesosProblems(mesos),
        ...executorProblems(mesos),
      ];

/** The bridge counts the tasks and executors that there are. */
export const bridgeProblems = async (bus: Bus, mesos: SimulationMesos): Promise<string[]> => {
  const query = encode('MesosOffersQuery', { traceId: 'witness', limit: 0 });
  const reply = await bus.request(SUBJECTS.mesosOffers, query, { timeoutMs: 1_000 });
  if (!reply.ok) return [`no bridge answers: ${reply.error}`];
  const { tasks, executors, trouble, waiting } = must(decode('MesosOffers', reply.payload));
  const there = groundOf(mesos).contents.length;
  const alive = mesos.boxes().filter((box) => box.exists()).length;
  return [
    ...(trouble === '' ? [] : [`the bridge: ${trouble}`]),
    // those on agents that are out of sight are counted as well, for as long as these may come back
    ...(tasks >= there ? [] : [`the bridge counts ${tasks} tasks of ${there}`]),
    // that one has gone it may only learn from an offer, when it needs one
    ...(executors >= alive ? [] : [`the bridge counts ${executors} executors of ${alive}`]),
    ...(waiting === 0 ? [] : [`${waiting} wait for offers`]),
  ];
};

/** Nothing is wanted any more: nothing is left. */
export const mesosLeftovers = (simulation: Simulation, mesos: SimulationMesos): string[] => {
  const m = mesos.master();
  if (m === undefined) return ['there is no master'];
  const frameworks = [...m.frameworks.values()];
  const live = mesos.boxes().filter((box) => box.exists());
  return [
    ...mesosRunProblems(simulation, mesos),
    ...rowsOf(simulation).map(({ processGuid, index }) => `${processGuid}/${index} is left`),
    ...live.map(({ executorId, agentId }) => `the executor ${executorId} is left on ${agentId}`),
    ...[...m.offers.values()].map(({ id }) => `the offer ${id} is held`),
    ...frameworks
      .filter(({ suppressed, roles }) => suppressed.size < roles.size)
      .map(({ id }) => `the framework ${id} is not suppressed`),
  ];
};

/** `process/index` of what is desired, and whether one container of it runs. */
export const slotsOf = (simulation: Simulation, mesos: SimulationMesos): Map<string, boolean> => {
  const running = new Set(
    groundOf(mesos).contents.flatMap(({ identity, running: runs }) =>
      runs && identity.kind === 'lrp' ? [`${identity.processGuid}/${identity.index}`] : [],
    ),
  );
  const slots = new Map<string, boolean>();
  for (const { processGuid, instances } of desiredOf(simulation))
    for (let index = 0; index < instances; index += 1)
      slots.set(`${processGuid}/${index}`, running.has(`${processGuid}/${index}`));
  return slots;
};

const EXECUTOR_MB = 128;

/** MB that are in use on a machine, by those whom Mesos has not told to end. */
const usedOn = ({ boxes }: MesosMachine, frameworks: ReadonlySet<string>): number =>
  boxes
    .filter((box) => box.exists() && frameworks.has(box.frameworkId))
    .reduce(
      (sum, box) =>
        sum + EXECUTOR_MB + box.contents().reduce((all, { identity }) => all + identity.demand.memoryMb, 0),
      0,
    );

const usedByMachine = (mesos: SimulationMesos): Map<MesosMachine, number> => {
  const frameworks = new Set(mesos.master()?.frameworks.keys());
  return new Map(mesos.machines.map((machine) => [machine, usedOn(machine, frameworks)]));
};

/**
 * Asks the bridge for its bids, and whether cells and bids together are no more than what is there. A late answer tells
 * of a moment at which what it bids was not in use yet: counted is what was in use all the while.
 */
export const askForBids = async (bus: Bus, mesos: SimulationMesos): Promise<string[]> => {
  const query = encode('MesosStateQuery', { traceId: 'witness', after: '', incarnation: '', since: 0 });
  const before = usedByMachine(mesos);
  const reply = await bus.request(SUBJECTS.mesosState, query, { timeoutMs: 1_000 });
  if (!reply.ok || mesos.master() === undefined) return [];
  const { bids } = must(decode('MesosState', reply.payload));
  const after = usedByMachine(mesos);
  return bids.flatMap(({ cellId, available }) => {
    const machine = mesos.machines.find(({ agent }) => cellId === `mesos-${agent.id()}`);
    if (machine === undefined || machine.lost) return [];
    const used = Math.min(before.get(machine) ?? 0, after.get(machine) ?? 0);
    return used + available.memoryMb <= machine.spec.mem
      ? []
      : [`${cellId}: ${used} MB in use and ${available.memoryMb} MB bid, of ${machine.spec.mem}`];
  });
};
