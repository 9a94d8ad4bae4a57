import type { MesosBook } from '../../mesos-bridge/core/book.js';
import { cellIdOf } from '../../mesos-bridge/core/cell-id.js';
import type { OfferEffect } from '../../mesos-bridge/core/offer-book.js';
import type { Resources } from '../../mesos-bridge/core/resources.js';
import {
  NO_RESOURCES,
  add,
  contains,
  readResources,
  resourcesText,
  scalarOf,
  subtract,
  sum,
} from '../../mesos-bridge/core/resources.js';
import type { Acceptance } from '../../mesos-bridge/core/take.js';
import type { TaskState, TaskStatus } from '../../mesos-bridge/core/task-status.js';
import { lrpWork, taskWork } from './lrps.js';
import { ROLE, bookOf, offer, shapesOf, status, take } from './mesos-book.js';

/** What is physically there, and what a master has made of it. */
interface WorldAgent {
  id: string;
  capacity: Resources;
  tasks: Map<string, { resources: Resources; executorId: string }>;
  executors: Map<string, Resources>;
  offers: Map<string, Resources>;
  isThere: boolean;
}

const CAPACITY = { cpus: 2, mem: 1024, disk: 4096, ports: 8 };

const capacityOf = (): Resources => {
  const { resources } = readResources(
    shapesOf(CAPACITY).map((one) => ({ ...one, allocationInfo: { role: ROLE } })),
  );
  return resources;
};

/**
 * A small Mesos to play with a book: agents with so much, offers of what is free, events that arrive in order and late.
 * It throws when the book asks for more than is there, or launches something twice.
 */
export class MesosWorld {
  readonly book: MesosBook;
  readonly agents: WorldAgent[];
  readonly launched = new Set<string>();
  now = 0;
  private readonly events: (() => void)[] = [];
  private index = 0;

  constructor(agents: number) {
    this.book = bookOf();
    this.agents = Array.from({ length: agents }, (_, at) => ({
      id: `agent-S${at}`,
      capacity: capacityOf(),
      tasks: new Map(),
      executors: new Map(),
      offers: new Map(),
      isThere: true,
    }));
    this.book.offers.subscribed({ homeRegion: '', suppressed: true }, 0);
    this.book.offers.wants(1, 0);
  }

  agent(at: number): WorldAgent {
    return this.agents[at % this.agents.length]!;
  }

  used({ tasks, executors }: WorldAgent): Resources {
    return add(sum([...tasks.values()].map(({ resources }) => resources)), sum(executors.values()));
  }

  free(agent: WorldAgent): Resources {
    const busy = add(this.used(agent), sum(agent.offers.values()));
    const free = subtract(agent.capacity, busy);
    if (free === undefined) throw new Error(`${agent.id} is over-committed: ${resourcesText(busy)}`);
    return free;
  }

  /** the master offers what is free there */
  offer(agent: WorldAgent): void {
    const free = this.free(agent);
    if (!agent.isThere || free.size === 0) return;
    const executorIds = [...agent.executors.keys()].map((value) => ({ value }));
    const made = { ...offer(agent.id, {}, { executorIds }), resources: free };
    agent.offers.set(made.id, free);
    this.later(() => this.carryOut(this.book.offered([made], { now: this.now, wall: 0 })));
  }

  rescind(agent: WorldAgent): void {
    const [id] = agent.offers.keys();
    if (id === undefined) return;
    agent.offers.delete(id);
    this.later(() => this.book.offers.rescinded(id, this.now));
  }

  take(agent: WorldAgent, size: number): void {
    const lrps = Array.from({ length: 1 + (size % 4) }, () => {
      const index = (this.index += 1);
      return {
        ...lrpWork({ index, placementId: `p-${index}`, memoryMb: 32 * (1 + (size % 7)) }),
        hostPorts: size % 3,
      };
    });
    const tasks =
      size % 2 === 0 ? [taskWork({ taskGuid: `task-${this.index}`, placementId: `t-${this.index}` })] : [];
    const { acceptance } = take(this.book, agent.id, { lrps, tasks }, this.now);
    if (acceptance === undefined) return;
    if (size % 11 === 0) this.book.unsent(acceptance, this.now);
    else this.accept(agent, acceptance);
  }

  private accept(agent: WorldAgent, { offerIds, tasks, executor }: Acceptance): void {
    const isValid = agent.isThere && offerIds.every((id) => agent.offers.has(id));
    let left = sum(offerIds.map((id) => agent.offers.get(id) ?? NO_RESOURCES));
    for (const id of offerIds) agent.offers.delete(id);
    // its end and this launch cross: it is made anew, of what was meant for tasks
    const isCrossed = !executor.isNew && !agent.executors.has(executor.id);
    for (const { id, resources } of tasks) {
      if (this.launched.has(id)) throw new Error(`${id} is launched twice`);
      this.launched.add(id);
      const isMaking = !agent.executors.has(executor.id);
      const needed = isMaking ? add(resources, executor.resources) : resources;
      if (!isValid) this.say(id, agent, 'TASK_DROPPED', { reason: 'REASON_INVALID_OFFERS' });
      else if (contains(left, needed)) {
        left = subtract(left, needed)!;
        if (isMaking && agent.executors.size > 0) throw new Error(`two executors on ${agent.id}`);
        if (isMaking) agent.executors.set(executor.id, executor.resources);
        agent.tasks.set(id, { resources, executorId: executor.id });
      } else if (!isCrossed) {
        throw new Error(`more than offered: ${resourcesText(needed)} of ${resourcesText(left)}`);
      } else this.say(id, agent, 'TASK_ERROR', { reason: 'REASON_TASK_INVALID' });
    }
  }

  progress(agent: WorldAgent, at: number, state: TaskState): void {
    const [id, task] = [...agent.tasks][at % Math.max(1, agent.tasks.size)] ?? [];
    if (id === undefined || task === undefined || !agent.isThere) return;
    const isEnd = state !== 'TASK_RUNNING' && state !== 'TASK_STARTING';
    if (isEnd) agent.tasks.delete(id);
    this.say(id, agent, state, {
      source: 'SOURCE_EXECUTOR',
      uuid: `u-${(this.index += 1)}`,
      executorId: task.executorId,
    });
  }

  executorDies(agent: WorldAgent, id = agent.executors.keys().next().value): void {
    if (id === undefined || !agent.isThere || !agent.executors.delete(id)) return;
    this.later(() => this.book.executorExited(id, this.now));
    for (const [taskId, { executorId }] of agent.tasks) {
      if (executorId !== id) continue;
      agent.tasks.delete(taskId);
      const reason = 'REASON_EXECUTOR_TERMINATED';
      this.say(taskId, agent, 'TASK_FAILED', {
        source: 'SOURCE_AGENT',
        reason,
        uuid: `u-${(this.index += 1)}`,
      });
    }
  }

  vanish(agent: WorldAgent): void {
    if (!agent.isThere) return;
    agent.isThere = false;
    for (const id of agent.tasks.keys())
      this.say(id, agent, 'TASK_UNREACHABLE', { reason: 'REASON_AGENT_REMOVED' });
    while (agent.offers.size > 0) this.rescind(agent);
    this.later(() => void this.book.agentFailed(agent.id, this.now));
  }

  comeBack(agent: WorldAgent): void {
    if (agent.isThere) return;
    agent.isThere = true;
    for (const [id, { executorId }] of agent.tasks)
      this.say(id, agent, 'TASK_RUNNING', { reason: 'REASON_AGENT_REREGISTERED', executorId });
  }

  /** the next events reach the book */
  deliver(count: number): void {
    for (const event of this.events.splice(0, count)) event();
  }

  pass(ms: number): void {
    this.now += ms;
    const due = this.book.due(this.now, { demandWaits: false, inFlight: new Set() });
    this.carryOut(due.offers);
    const unheard = new Set(due.executors.unheard.map(({ id }) => id));
    for (const { id, agentId } of due.executors.leave) {
      const agent = this.agents.find((one) => one.id === agentId)!;
      const has = [...agent.tasks.values()].some(({ executorId }) => executorId === id);
      if (has && agent.isThere && !unheard.has(id)) throw new Error(`${id} is told to go, and has tasks`);
      this.executorDies(agent, id);
    }
    for (const { id, agentId } of due.tasks.kill) this.kill(id, agentId);
  }

  private kill(id: string, agentId: string): void {
    const agent = this.agents.find((one) => one.id === agentId)!;
    if (agent.isThere && agent.tasks.delete(id))
      this.say(id, agent, 'TASK_KILLED', { source: 'SOURCE_EXECUTOR' });
  }

  private say(id: string, agent: WorldAgent, state: TaskState, over: Partial<TaskStatus>): void {
    const told = status({ id }, state, { agentId: agent.id, source: 'SOURCE_MASTER', uuid: '', ...over });
    this.later(() => {
      const { kill, acknowledge } = this.book.status(told, this.now);
      if (acknowledge) this.book.tasks.settled(id, told.uuid);
      if (kill) this.kill(id, agent.id);
    });
  }

  private later(event: () => void): void {
    this.events.push(event);
  }

  private carryOut(effects: readonly OfferEffect[]): void {
    for (const effect of effects)
      if (effect.kind === 'decline')
        for (const id of effect.offerIds) for (const { offers } of this.agents) offers.delete(id);
  }

  /** cells and offers together are never more than what is there */
  check(): void {
    const isCurrent = this.events.length === 0;
    for (const state of this.book.changes(0, this.now).states) {
      const agent = this.agents.find(({ id }) => cellIdOf(id) === state.cellId)!;
      const free = subtract(agent.capacity, isCurrent ? this.used(agent) : NO_RESOURCES)!;
      for (const [name, amount] of [
        ['mem', state.available.memoryMb * 1000],
        ['disk', state.available.diskMb * 1000],
        ['cpus', state.cpuMilliAvailable],
      ] as const) {
        if (state.placeable && amount > scalarOf(free, name))
          throw new Error(`${state.cellId} bids with ${amount} of ${scalarOf(free, name)} ${name}`);
      }
      if (!isCurrent || !agent.isThere) continue;
      const counted = state.taskCount + [...state.lrpCounts.values()].reduce((all, one) => all + one, 0);
      if (counted !== agent.tasks.size)
        throw new Error(`${counted} tasks in the book, ${agent.tasks.size} there`);
    }
  }
}
