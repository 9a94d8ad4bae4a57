/** Maintenance: machines that are to be taken down, and are (mesos-v1.md §15). */
import type {
  Draft,
  MachineId,
  MaintenanceSchedule,
  MaintenanceStatus,
  Unavailability,
} from '../../protocol/messages.js';
import { removeFor } from './agent-loss.js';
import { rescindInverse } from './inverse-offers.js';
import { addressOf, rescind } from './offers.js';
import { runOver } from './runs.js';
import type { Agent, Master, Registry } from './state.js';

type Machine = Draft<MachineId>;

/** Machines are told apart by both names; the hostname's case does not count. */
const machineKey = ({ hostname = '', ip = '' }: Machine): string => `${hostname.toLowerCase()} ${ip}`;

export const machineOf = (hostname: string, ip: string): string => machineKey({ hostname, ip });

const machineOfAgent = (agent: Agent): string => machineOf(agent.info.hostname, addressOf(agent).ip);

export const isDown = (registry: Registry, machine: string): boolean => registry.down.has(machine);

/** When the machine is to go down. */
export const unavailabilityOf = ({ schedule }: Registry, machine: string): Unavailability | undefined =>
  schedule.windows.find(({ machineIds }) => machineIds.some((id) => machineKey(id) === machine))
    ?.unavailability;

const sameUnavailability = (left: Unavailability | undefined, right: Unavailability | undefined): boolean =>
  left?.start.nanoseconds === right?.start.nanoseconds &&
  left?.duration?.nanoseconds === right?.duration?.nanoseconds &&
  (left === undefined) === (right === undefined);

const setUnavailability = (m: Master, agent: Agent, unavailability: Unavailability | undefined): void => {
  for (const offer of agent.offers) rescind(m, offer);
  for (const offer of agent.inverseOffers) rescindInverse(m, offer);
  agent.unavailability = unavailability;
  agent.inverseAnswers.clear();
  for (const framework of m.frameworks.values()) framework.inverseFilters.delete(agent.id);
  if (unavailability === undefined) m.maintained.delete(agent);
  else m.maintained.add(agent);
};

const allMachines = ({ windows }: MaintenanceSchedule): string[] =>
  windows.flatMap(({ machineIds }) => machineIds.map(machineKey));

const scheduleProblem = (registry: Registry, schedule: MaintenanceSchedule): string | undefined => {
  const machines = allMachines(schedule);
  if (schedule.windows.some(({ machineIds }) => machineIds.length === 0))
    return 'List of machines in the maintenance window is empty';
  const again = machines.find((machine, at) => machines.indexOf(machine) !== at);
  if (again !== undefined) return `Machine '${again}' appears more than once in the schedule`;
  const missing = [...registry.down.keys()].find((machine) => !machines.includes(machine));
  return missing === undefined
    ? undefined
    : `Machine '${missing}' is deactivated and cannot be removed from the schedule`;
};

/** UPDATE_MAINTENANCE_SCHEDULE; why not, in words. Offers of the machines concerned are made anew. */
export const updateSchedule = (m: Master, schedule: MaintenanceSchedule): string | undefined => {
  const problem = scheduleProblem(m.registry, schedule);
  if (problem !== undefined) return problem;
  m.registry.schedule = schedule;
  const changed = [...m.agents.values()].filter(
    (agent) => !sameUnavailability(agent.unavailability, unavailabilityOf(m.registry, machineOfAgent(agent))),
  );
  for (const agent of changed)
    setUnavailability(m, agent, unavailabilityOf(m.registry, machineOfAgent(agent)));
  for (const agent of changed) runOver(m, [agent.id]);
  return undefined;
};

const unlisted = (machines: readonly Machine[], is: (machine: string) => boolean): Machine | undefined =>
  machines.find((machine) => !is(machineKey(machine)));

/** START_MAINTENANCE: the machines' agents are removed, and end. */
export const startMaintenance = (m: Master, machines: readonly Machine[]): string | undefined => {
  if (machines.length === 0) return 'List of machines is empty';
  const scheduled = new Set(allMachines(m.registry.schedule));
  const stranger = unlisted(machines, (machine) => scheduled.has(machine) && !m.registry.down.has(machine));
  if (stranger !== undefined)
    return `Machine '${machineKey(stranger)}' is not in DRAINING mode and cannot be brought down`;
  for (const machine of machines) m.registry.down.set(machineKey(machine), machine);
  for (const agent of [...m.agents.values()].toReversed()) {
    if (!m.registry.down.has(machineOfAgent(agent))) continue;
    const { link } = agent;
    removeFor(m, agent, MACHINE_DOWN);
    link?.send({ kind: 'shutdown', message: MACHINE_DOWN });
  }
  return undefined;
};

export const MACHINE_DOWN = "Operator initiated 'Machine DOWN'";

/** STOP_MAINTENANCE: the machines are UP again, and leave the schedule. */
export const stopMaintenance = (m: Master, machines: readonly Machine[]): string | undefined => {
  if (machines.length === 0) return 'List of machines is empty';
  const stranger = unlisted(machines, (machine) => m.registry.down.has(machine));
  if (stranger !== undefined)
    return `Machine '${machineKey(stranger)}' is not in DOWN mode and cannot be brought up`;
  const up = new Set(machines.map(machineKey));
  for (const machine of up) m.registry.down.delete(machine);
  m.registry.schedule = {
    windows: m.registry.schedule.windows
      .map((window) => ({
        ...window,
        machineIds: window.machineIds.filter((machine) => !up.has(machineKey(machine))),
      }))
      .filter(({ machineIds }) => machineIds.length > 0),
  };
  return undefined;
};

export const maintenanceStatus = (m: Master): Draft<MaintenanceStatus> => {
  const { registry } = m;
  const machines = registry.schedule.windows.flatMap(({ machineIds }) => machineIds);
  const answers = (machine: Machine) =>
    [...m.maintained]
      .filter((agent) => machineOfAgent(agent) === machineKey(machine))
      .flatMap((agent) => [...agent.inverseAnswers.values()]);
  return {
    drainingMachines: machines
      .filter((machine) => !registry.down.has(machineKey(machine)))
      .map((id) => ({ id, statuses: answers(id) })),
    downMachines: [...registry.down.values()],
  };
};
