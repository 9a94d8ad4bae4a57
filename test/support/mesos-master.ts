/** A simulated master on a port with scripted agents and schedulers over HTTP; time moved by hand. */
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import { decode, encode } from '../../mesos-bridge/protocol/codec.js';
import type {
  Draft,
  FrameworkInfo,
  MasterCall,
  MasterResponse,
  Offer,
  SchedulerCall,
  SchedulerEvent,
  SchedulerEventType,
  TaskInfo,
  TaskStatus,
} from '../../mesos-bridge/protocol/messages.js';
import { createSimulatedMaster } from '../../mesos-bridge/simulator/simulated-master.js';
import type {
  SimulatedMaster,
  SimulatedMasterOptions,
} from '../../mesos-bridge/simulator/simulated-master.js';
import { createScriptedAgent, parseResources } from './mesos-scripted-agent.js';
import type { AgentFlags, ScriptedAgent } from './mesos-scripted-agent.js';
import { createMesosClient } from './mesos-stream.js';
import type { RawAnswer, RawRequest } from './mesos-stream.js';

interface Teardown {
  teardown(run: () => unknown): void;
}

const JSON_HEADERS = { 'Content-Type': 'application/json', Accept: 'application/json' };

export const aFrameworkInfo = (of: Partial<Draft<FrameworkInfo>> = {}): Draft<FrameworkInfo> => ({
  user: 'root',
  name: 'test',
  failoverTimeout: 60,
  checkpoint: true,
  capabilities: [{ type: 'MULTI_ROLE' }, { type: 'PARTITION_AWARE' }, { type: 'RESERVATION_REFINEMENT' }],
  roles: ['*'],
  ...of,
});

export const aCommandTask = (
  id: string,
  agentId: string,
  resources = 'cpus:0.1;mem:32',
): Draft<TaskInfo> => ({
  name: id,
  taskId: { value: id },
  agentId: { value: agentId },
  resources: parseResources(resources),
  command: { value: 'true' },
});

/** One with an executor of its own. */
export const anExecutorTask = (id: string, agentId: string, executorId: string): Draft<TaskInfo> => ({
  name: id,
  taskId: { value: id },
  agentId: { value: agentId },
  resources: parseResources('cpus:0.1;mem:32'),
  executor: {
    executorId: { value: executorId },
    type: 'CUSTOM',
    command: { value: './executor' },
    resources: parseResources('cpus:0.1;mem:32'),
  },
});

export interface Scheduler {
  readonly id: string;
  readonly answer: RawAnswer;
  events(type?: SchedulerEventType): SchedulerEvent[];
  /** as short words: `UPDATE t1 TASK_LOST REASON_AGENT_REMOVED` */
  told(): string[];
  /** what has come since it was last asked */
  news(): string[];
  offers(): Offer[];
  statuses(): TaskStatus[];
  call(call: Draft<SchedulerCall>): Promise<RawAnswer>;
  /** with everything in the newest offer of that agent, or of any */
  launch(tasks: readonly Draft<TaskInfo>[], offer: Offer, refuseSeconds?: number): Promise<RawAnswer>;
  close(): Promise<void>;
}

const words = ({ type, update, failure, rescind }: SchedulerEvent): string => {
  if (update) {
    const { taskId, state, reason } = update.status;
    return ['UPDATE', taskId.value, state, ...(reason === undefined ? [] : [reason])].join(' ');
  }
  if (failure)
    return ['FAILURE', failure.executorId?.value ?? failure.agentId?.value, failure.status]
      .filter((word) => word !== undefined)
      .join(' ');
  return rescind ? 'RESCIND' : String(type);
};

export const createMasterGround = async (t: Teardown, options: Partial<SimulatedMasterOptions> = {}) => {
  const clock = createFakeClock();
  const client = createMesosClient();
  const open: (() => void)[] = [];
  const start = (more: Partial<SimulatedMasterOptions> = {}): Promise<SimulatedMaster> =>
    createSimulatedMaster({ clock, random: createSeededRandom(7), credentials: 'none', ...options, ...more });
  const master = await start();
  const masters = [master];
  t.teardown(async () => {
    for (const close of open) close();
    client.close();
    for (const one of masters) await one.kill();
  });

  /** until sockets have carried what was written */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn += 1) {
      await clock.advance(0);
      for (let more = 0; more < 8; more += 1) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const advance = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await settle();
  };
  const post = async (request: Partial<RawRequest>): Promise<RawAnswer> => {
    const answer = await client.send({
      port: master.port,
      path: '/api/v1/scheduler',
      headers: JSON_HEADERS,
      ...request,
    });
    open.push(() => answer.close());
    await settle();
    return answer;
  };
  const callOf = (call: Draft<SchedulerCall>): Uint8Array => encode('SchedulerCall', call, 'json');

  const subscribe = async (
    info: Draft<FrameworkInfo> = aFrameworkInfo(),
    more: Partial<Draft<NonNullable<SchedulerCall['subscribe']>>> = {},
    request: Partial<RawRequest> = {},
  ): Promise<Scheduler> => {
    const body = callOf({
      type: 'SUBSCRIBE',
      ...(info.id && { frameworkId: info.id }),
      subscribe: { frameworkInfo: info, ...more },
    });
    const answer = await post({ body, ...request });
    const events = (type?: SchedulerEventType): SchedulerEvent[] =>
      answer.records.flatMap((record) => {
        const event = decode('SchedulerEvent', record, 'json');
        return event.ok && (type === undefined || event.value.type === type) ? [event.value] : [];
      });
    const id = events('SUBSCRIBED')[0]?.subscribed?.frameworkId.value ?? '';
    const headers = { ...JSON_HEADERS, 'Mesos-Stream-Id': String(answer.headers['mesos-stream-id']) };
    const call = (made: Draft<SchedulerCall>): Promise<RawAnswer> =>
      post({
        body: callOf({ frameworkId: { value: id }, ...made }),
        ...request,
        headers: { ...headers, ...request.headers },
      });
    let read = 0;
    return {
      id,
      answer,
      events,
      call,
      told: () => events().map(words),
      news() {
        const all = events().map(words);
        const fresh = all.slice(read);
        read = all.length;
        return fresh;
      },
      offers: () => events('OFFERS').flatMap(({ offers }) => offers?.offers ?? []),
      statuses: () => events('UPDATE').flatMap(({ update }) => update?.status ?? []),
      launch: (tasks, offer, refuseSeconds) =>
        call({
          type: 'ACCEPT',
          accept: {
            offerIds: [offer.id],
            operations: [{ type: 'LAUNCH', launch: { taskInfos: tasks } }],
            ...(refuseSeconds !== undefined && { filters: { refuseSeconds } }),
          },
        }),
      async close() {
        answer.close();
        await settle();
      },
    };
  };

  return {
    clock,
    master,
    advance,
    settle,
    post,
    subscribe,
    /** another one on a port of its own, which leads */
    async another(more: Partial<SimulatedMasterOptions> = {}): Promise<SimulatedMaster> {
      const one = await start(more);
      masters.push(one);
      return one;
    },
    async agent(flags: Partial<AgentFlags> = {}): Promise<ScriptedAgent & { name: string }> {
      const agent = createScriptedAgent({
        port: 5051,
        resources: 'cpus:4;mem:4096;disk:10000;ports:[31000-31999]',
        ...flags,
      });
      agent.register(master.door);
      await settle();
      return Object.assign(agent, { name: agent.id() ?? '' });
    },
    async operate(
      call: Draft<MasterCall>,
    ): Promise<{ status: number; text: string; response: MasterResponse }> {
      const answer = await post({ path: '/api/v1', body: encode('MasterCall', call, 'json') });
      const response = decode('MasterResponse', answer.body, 'json');
      return {
        status: answer.status,
        text: answer.body.toString(),
        response: response.ok ? response.value : ({} as MasterResponse),
      };
    },
  };
};

export type MasterGround = Awaited<ReturnType<typeof createMasterGround>>;

let uuids = 0;

/** As an agent forwards it. */
export const aStatusOf = (
  taskId: string,
  state: TaskStatus['state'],
  more: Partial<TaskStatus> = {},
): TaskStatus => {
  uuids += 1;
  const uuid = Buffer.alloc(16);
  uuid.writeUInt32BE(uuids, 12);
  return { taskId: { value: taskId }, state, source: 'SOURCE_EXECUTOR', uuid, timestamp: 1, ...more };
};
