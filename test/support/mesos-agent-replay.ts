/** Has a simulated agent meet what a real one met, by the recordings, and tells what it did. */
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { decode } from '../../mesos-bridge/protocol/codec.js';
import type { Encoding } from '../../mesos-bridge/protocol/codec.js';
import type {
  ExecutorEvent,
  ExecutorInfo,
  FrameworkInfo,
  Resource,
  SchedulerCall,
  SchedulerEvent,
  TaskInfo,
  TaskStatus,
} from '../../mesos-bridge/protocol/messages.js';
import { createRecordDecoder } from '../../mesos-bridge/protocol/record-io.js';
import { createAgentGround } from './mesos-agent.js';
import type { AgentGround } from './mesos-agent.js';
import { bytesOf, messagesOf, payloadOf } from './mesos-recordings.js';
import type { RecordedExchange, Recording } from './mesos-recordings.js';

/** How an executor's request was answered. */
export interface Answered {
  readonly seq: number;
  readonly label: string;
  readonly status: string;
  readonly text: string;
}

export interface Replayed {
  readonly answers: Answered[];
  /** by the exchange that opened the stream */
  readonly streams: ReadonlyMap<number, readonly ExecutorEvent[]>;
  /** what frameworks are told by agents, in order, each uuid once */
  readonly statuses: readonly TaskStatus[];
}

const decoded = <T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T => {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};

const schedulerEvents = (recording: Recording): { at: number; event: SchedulerEvent }[] =>
  recording.exchanges.flatMap((exchange) =>
    messagesOf(exchange.request)?.event === 'SchedulerEvent'
      ? (exchange.response?.stream ?? []).map((frame) => ({
          at: frame.at_ms,
          event: decoded(decode('SchedulerEvent', payloadOf(frame), exchange.encoding)),
        }))
      : [],
  );

const uuidOf = ({ uuid }: { uuid?: Uint8Array }): string => Buffer.from(uuid ?? []).toString('hex');

const onceEach = (statuses: readonly TaskStatus[]): TaskStatus[] => {
  const seen = new Set<string>();
  return statuses.filter((status) => {
    const uuid = uuidOf(status);
    return uuid !== '' && !seen.has(uuid) && seen.add(uuid);
  });
};

const isCommandTask = ({ command, executor }: TaskInfo): boolean =>
  command !== undefined && executor === undefined;

/** What was recorded of it. */
export const recorded = (recording: Recording): Replayed => {
  const own = recording.exchanges.filter(({ who }) => who === 'executor');
  const events = schedulerEvents(recording);
  return {
    answers: own
      .filter(({ response }) => response?.status !== undefined)
      .map(({ seq, label = '', response }) => ({
        seq,
        label,
        status: response?.status?.split(' ')[1] ?? '',
        text: response?.stream ? '' : (response?.body_text ?? ''),
      })),
    streams: new Map(
      own
        .filter(({ response }) => response?.stream)
        .map(({ seq, encoding, response }) => [
          seq,
          (response?.stream ?? []).map((frame) =>
            decoded(decode('ExecutorEvent', payloadOf(frame), encoding)),
          ),
        ]),
    ),
    statuses: onceEach(
      events.flatMap(({ event }) =>
        event.update && event.update.status.source !== 'SOURCE_MASTER' ? event.update.status : [],
      ),
    ),
  };
};

/** As the master hands them on: with the role that they are allocated to. */
const allocated = (resources: readonly Resource[]): Resource[] =>
  resources.map((resource) => ({ allocationInfo: { role: '*' }, ...resource }));

const normalExecutor = (info: ExecutorInfo, frameworkId: string): ExecutorInfo => ({
  ...info,
  frameworkId: { value: frameworkId },
  resources: allocated(info.resources),
});

const DESTROYED = 9;
const NOTHING_STARTED: ReadonlySet<number> = new Set([-1, 256]);

interface Failure {
  readonly at: number;
  readonly agentId: string;
  readonly executorId: string;
  readonly status: number;
}

/** Master, scheduler and executors of a recording, as far as an agent sees them. */
class Replay {
  readonly answers: Answered[] = [];
  readonly streams = new Map<number, ExecutorEvent[]>();
  readonly statuses: TaskStatus[] = [];
  private readonly agents = new Map<string, AgentGround>();
  private readonly frameworks = new Map<string, FrameworkInfo>();
  private readonly processes = new Map<string, AgentGround>();
  private readonly commandTasks = new Set<string>();
  /** recorded uuid → ours, of statuses that the agent made */
  private readonly uuids = new Map<string, Uint8Array>();
  private readonly refused: ReadonlySet<string>;
  private readonly closing: (() => void)[] = [];
  private readonly failures: readonly Failure[];
  private now = 0;

  constructor(private readonly recording: Recording) {
    const events = schedulerEvents(recording);
    this.failures = events.flatMap(({ at, event: { failure } }) =>
      failure?.executorId && failure.agentId
        ? [
            {
              at,
              agentId: failure.agentId.value,
              executorId: failure.executorId.value,
              status: failure.status ?? 0,
            },
          ]
        : [],
    );
    this.refused = new Set(
      events.flatMap(({ event: { update } }) =>
        update?.status.source === 'SOURCE_MASTER' && update.status.reason !== 'REASON_RECONCILIATION'
          ? update.status.taskId.value
          : [],
      ),
    );
  }

  /** of those that the agent did not end itself */
  private exits(): { at: number; exit: Failure }[] {
    return this.failures
      .filter(({ status }) => status !== DESTROYED)
      .map((exit) => ({ at: exit.at - 1, exit }));
  }

  /** where no process came to life: what a launcher makes of it is tested with real ones */
  private startsNothing(executorId: string): boolean {
    return this.failures.some((one) => one.executorId === executorId && NOTHING_STARTED.has(one.status));
  }

  async run(): Promise<Replayed> {
    const items = [
      ...this.recording.exchanges.map((exchange) => ({ at: exchange.at_ms, exchange })),
      ...this.recording.steps.map(({ at_ms: at, step }) => ({ at, step })),
      ...this.exits(),
    ].sort((left, right) => left.at - right.at);
    for (const item of items) {
      await this.advance(item.at - this.now);
      if ('step' in item) await this.step(item.step);
      else if ('exit' in item)
        await this.exit(this.agents.get(item.exit.agentId), item.exit.executorId, item.exit.status);
      else await this.exchange(item.exchange);
      this.collect();
    }
    await this.advance(1_000);
    await this.end();
    return { answers: this.answers, streams: this.streams, statuses: onceEach(this.statuses) };
  }

  private async advance(ms: number): Promise<void> {
    if (ms <= 0) return;
    this.now += ms;
    for (const ground of this.agents.values()) await ground.clock.advance(ms);
    this.collect();
  }

  private async end(): Promise<void> {
    for (const ground of this.agents.values()) await ground.close();
    for (const close of this.closing) close();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  private async agentOf(id: string): Promise<AgentGround> {
    const found = this.agents.get(id);
    if (found) return found;
    const ground = createAgentGround({ agentId: id, listens: true });
    this.agents.set(id, ground);
    await ground.register();
    return ground;
  }

  /** takes what agents said, and matches uuids that they made up with those of the recording */
  private collect(): void {
    const known = recorded(this.recording).statuses;
    for (const ground of this.agents.values())
      for (const { status } of ground.updates()) {
        this.statuses.push(status);
        if (status.source !== 'SOURCE_AGENT' || !status.uuid) continue;
        const twin = known.find(
          (one) =>
            one.source === 'SOURCE_AGENT' &&
            one.taskId.value === status.taskId.value &&
            one.state === status.state,
        );
        if (twin) this.uuids.set(uuidOf(twin), status.uuid);
      }
  }

  private async exchange(exchange: RecordedExchange): Promise<void> {
    if (exchange.who === 'executor') return this.ask(exchange);
    const kind = messagesOf(exchange.request)?.call;
    if (kind !== 'SchedulerCall' || exchange.response?.status === undefined) return;
    const call = decode('SchedulerCall', bytesOf(exchange.request.body_base64), exchange.encoding);
    if (call.ok) await this.call(call.value, exchange);
  }

  private async call(call: SchedulerCall, exchange: RecordedExchange): Promise<void> {
    const frameworkId = call.frameworkId?.value ?? '';
    if (call.subscribe) {
      const [first] = exchange.response?.stream ?? [];
      const event = first && decoded(decode('SchedulerEvent', payloadOf(first), exchange.encoding));
      const id = event?.subscribed?.frameworkId;
      if (id) this.frameworks.set(id.value, { ...call.subscribe.frameworkInfo, id });
      return;
    }
    for (const operation of call.accept?.operations ?? []) {
      for (const task of operation.launch?.taskInfos ?? []) await this.launch(frameworkId, task);
      if (operation.launchGroup)
        await this.launchGroup(
          frameworkId,
          operation.launchGroup.executor,
          operation.launchGroup.taskGroup.tasks,
        );
    }
    if (call.kill) await this.kill(frameworkId, call.kill);
    if (call.acknowledge) {
      const { agentId, taskId, uuid } = call.acknowledge;
      const own = this.uuids.get(uuidOf({ uuid })) ?? uuid;
      const ground = await this.agentOf(agentId.value);
      await ground.tell({ kind: 'acknowledge', frameworkId, taskId: taskId.value, uuid: own });
    }
    if (call.shutdown) {
      const ground = this.agents.get(call.shutdown.agentId.value);
      const executorId = call.shutdown.executorId.value;
      await ground?.tell({ kind: 'shutdown-executor', frameworkId, executorId });
    }
    if (call.message) {
      const { agentId, executorId, data } = call.message;
      const ground = this.agents.get(agentId.value);
      await ground?.tell({ kind: 'framework-message', frameworkId, executorId: executorId.value, data });
    }
    if (call.type === 'TEARDOWN')
      for (const ground of this.agents.values())
        await ground.tell({ kind: 'shutdown-framework', frameworkId });
  }

  private framework(id: string): FrameworkInfo {
    const found = this.frameworks.get(id);
    if (!found) throw new Error(`no framework ${id}`);
    return found;
  }

  private async launch(frameworkId: string, task: TaskInfo): Promise<void> {
    if (this.refused.has(task.taskId.value)) return;
    if (isCommandTask(task)) return void this.commandTasks.add(task.taskId.value);
    if (this.startsNothing(task.executor?.executorId.value ?? '')) return;
    const ground = await this.agentOf(task.agentId.value);
    const executor = task.executor && normalExecutor(task.executor, frameworkId);
    await ground.tell({
      kind: 'run-task',
      placement: {
        framework: this.framework(frameworkId),
        ...(executor && { executor }),
        launchExecutor: !this.isRunning(ground, frameworkId, executor?.executorId.value ?? ''),
      },
      task: { ...task, resources: allocated(task.resources), ...(executor && { executor }) },
    });
  }

  private async launchGroup(
    frameworkId: string,
    info: ExecutorInfo,
    tasks: readonly TaskInfo[],
  ): Promise<void> {
    if (tasks.some(({ taskId }) => this.refused.has(taskId.value))) return;
    if (info.type === 'DEFAULT')
      return tasks.forEach(({ taskId }) => void this.commandTasks.add(taskId.value));
    const ground = await this.agentOf(tasks[0]?.agentId.value ?? '');
    const executor = normalExecutor(info, frameworkId);
    await ground.tell({
      kind: 'run-group',
      placement: {
        framework: this.framework(frameworkId),
        executor,
        launchExecutor: !this.isRunning(ground, frameworkId, executor.executorId.value),
      },
      group: { tasks: tasks.map((task) => ({ ...task, resources: allocated(task.resources), executor })) },
    });
  }

  private isRunning(ground: AgentGround, frameworkId: string, executorId: string): boolean {
    return ground.agent
      .executors()
      .some(
        (one) =>
          one.frameworkId === frameworkId && one.executorId === executorId && one.phase !== 'terminated',
      );
  }

  private async kill(frameworkId: string, kill: NonNullable<SchedulerCall['kill']>): Promise<void> {
    const taskId = kill.taskId.value;
    for (const [agentId, ground] of this.agents) {
      const has = ground.agent.executors().some(({ taskIds }) => taskIds.includes(taskId));
      if (!has || (kill.agentId && kill.agentId.value !== agentId)) continue;
      const { killPolicy } = kill;
      await ground.tell({ kind: 'kill-task', frameworkId, taskId, ...(killPolicy && { killPolicy }) });
    }
  }

  /** processes of executors of one id live on different agents */
  private groundOf(executorId: string, process: string | undefined): AgentGround | undefined {
    const has = [...this.agents.values()].filter((ground) =>
      ground.agent.executors().some((one) => one.executorId === executorId),
    );
    if (process === undefined) return has[0] ?? [...this.agents.values()][0];
    const claimed = new Set(this.processes.values());
    const ground =
      this.processes.get(process) ?? has.find((one) => has.length === 1 || !claimed.has(one)) ?? has[0];
    if (ground) this.processes.set(process, ground);
    return ground;
  }

  private async ask(exchange: RecordedExchange): Promise<void> {
    if (exchange.response?.status === undefined) return;
    const body = bytesOf(exchange.request.body_base64);
    const call = decode('ExecutorCall', body, exchange.encoding);
    const executorId = call.ok ? call.value.executorId.value : '';
    const ground = this.groundOf(executorId, exchange.executor);
    if (!ground) return;
    const executors = ground.agent.executors();
    const token = (executors.find((one) => one.executorId === executorId) ?? executors[0])?.token ?? '';
    const response = await this.send(exchange, body, { port: await ground.port(), token });
    const { status, text } = await this.read(exchange, response);
    const { seq, label = '' } = exchange;
    this.answers.push({ seq, label, status: String(status), text });
    await ground.clock.advance(0);
  }

  private send(
    { request: { start_line, headers } }: RecordedExchange,
    body: Buffer,
    to: { port: number; token: string },
  ): Promise<IncomingMessage> {
    const [method = '', path = ''] = start_line.split(' ');
    const kept = headers.filter(([name]) => !/^(host|content-length|authorization|connection)$/i.test(name));
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          method,
          path,
          port: to.port,
          host: '127.0.0.1',
          headers: { ...Object.fromEntries(kept), authorization: `Bearer ${to.token}` },
        },
        resolve,
      );
      sent.on('error', reject);
      sent.end(body);
      this.closing.push(() => sent.destroy());
    });
  }

  private async read(
    { seq, encoding, response: told }: RecordedExchange,
    response: IncomingMessage,
  ): Promise<{ status: number; text: string }> {
    const status = response.statusCode ?? 0;
    response.on('error', () => undefined);
    if (told?.stream && status === 200) {
      this.follow(seq, encoding, response);
      return { status, text: '' };
    }
    const pieces: Buffer[] = [];
    for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece);
    return { status, text: Buffer.concat(pieces).toString() };
  }

  private follow(seq: number, encoding: Encoding, response: IncomingMessage): void {
    const events: ExecutorEvent[] = [];
    this.streams.set(seq, events);
    const decoder = createRecordDecoder();
    response.on('data', (chunk: Buffer) => {
      for (const record of decoder.push(chunk).records)
        events.push(decoded(decode('ExecutorEvent', record, encoding)));
    });
  }

  /** `executor ex-9-5181-24916: SHUTDOWN received, exiting 0` */
  private async step(step: string): Promise<void> {
    const [, process = '', executorId = '', status] =
      /^executor ((.+)-\d+-\d+): .*exit(?:ing)? (\d+)/.exec(step) ?? [];
    const ground = this.processes.get(process);
    if (ground) await this.exit(ground, executorId, Number(status) << 8);
  }

  private async exit(ground: AgentGround | undefined, executorId: string, status: number): Promise<void> {
    ground?.started.findLast(({ request: { executorId: id } }) => id === executorId)?.exit(status);
    await ground?.clock.advance(0);
  }
}

export const replay = (recording: Recording): Promise<Replayed> => new Replay(recording).run();
