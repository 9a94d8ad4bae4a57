import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MEDIA_TYPES, decode, encode } from '../../mesos-bridge/protocol/codec.js';
import type { Encoding } from '../../mesos-bridge/protocol/codec.js';
import type { ExecutorCall, ExecutorEvent, TaskStatus } from '../../mesos-bridge/protocol/messages.js';

/** A Mesos agent's executor endpoint on a real socket, which does what its test says. */
export interface AgentServer {
  /** `127.0.0.1:port`, the same after `revive` */
  endpoint(): string;
  /** every call, in order of its arrival */
  calls: ExecutorCall[];
  authorizations: (string | undefined)[];
  /** `STARTING`, `RUNNING` … of that task, each uuid once */
  told(taskId: string): string[];
  last(taskId: string): TaskStatus | undefined;
  subscriptions(): ExecutorCall[];
  /** acknowledges every update at once; default true */
  acknowledges: boolean;
  /** status of the next answers to calls of that type */
  answers: Map<string, number>;
  tell(event: ExecutorEvent): void;
  acknowledge(status: TaskStatus): void;
  connected(): boolean;
  /** as `kill -9` of the agent: the port is closed, connections break */
  die(): Promise<void>;
  revive(): Promise<void>;
}

const body = async (request: IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
};

const encodingOf = (type: string | undefined): Encoding =>
  type === MEDIA_TYPES.protobuf ? 'protobuf' : 'json';

const SUBSCRIBED = {
  executorInfo: { executorId: { value: 'e' }, resources: [] },
  frameworkInfo: { user: 'root', name: 'outcry', roles: [], capabilities: [] },
  agentInfo: { hostname: 'agent', resources: [], attributes: [], id: { value: 'agent-S0' } },
} as unknown as NonNullable<ExecutorEvent['subscribed']>;

const write = (stream: ServerResponse, event: ExecutorEvent, encoding: Encoding): void => {
  const record = encode('ExecutorEvent', event, encoding);
  stream.write(Buffer.concat([Buffer.from(`${record.length}\n`), record]));
};

export const startAgentServer = async (): Promise<AgentServer> => {
  let server: Server | undefined;
  let port = 0;
  let stream: { response: ServerResponse; encoding: Encoding } | undefined;

  const take = (call: ExecutorCall): void => {
    agent.calls.push(call);
    const statuses = [call.update, ...(call.subscribe?.unacknowledgedUpdates ?? [])];
    for (const update of statuses) if (update && agent.acknowledges) agent.acknowledge(update.status);
  };

  const subscribe = (call: ExecutorCall, response: ServerResponse, encoding: Encoding): void => {
    stream?.response.end();
    stream = { response, encoding };
    response.writeHead(200, { 'content-type': MEDIA_TYPES[encoding] });
    write(response, { type: 'SUBSCRIBED', subscribed: SUBSCRIBED }, encoding);
    take(call);
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = decode('ExecutorCall', await body(request), encodingOf(request.headers['content-type']));
    if (!call.ok) return void response.writeHead(400).end(call.error.message);
    agent.authorizations.push(request.headers.authorization);
    const status = agent.answers.get(call.value.type ?? '');
    if (status !== undefined) return void response.writeHead(status).end('as the test says');
    if (call.value.type === 'SUBSCRIBE')
      return subscribe(call.value, response, encodingOf(request.headers.accept));
    take(call.value);
    response.writeHead(202).end();
  };

  const listen = async (): Promise<void> => {
    const made = createServer((request, response) => void serve(request, response));
    await new Promise<void>((resolve) => made.listen(port, '127.0.0.1', resolve));
    server = made;
    ({ port } = made.address() as AddressInfo);
  };

  const updates = (): TaskStatus[] =>
    agent.calls.flatMap(({ update, subscribe: said }) =>
      [update, ...(said?.unacknowledgedUpdates ?? [])].flatMap((one) => (one ? [one.status] : [])),
    );

  const agent: AgentServer = {
    endpoint: () => `127.0.0.1:${port}`,
    calls: [],
    authorizations: [],
    acknowledges: true,
    answers: new Map(),
    told(taskId) {
      const seen = new Set<string>();
      return updates().flatMap(({ taskId: { value }, uuid = [], state }) => {
        const key = Buffer.from(uuid).toString('hex');
        if (value !== taskId || seen.has(key)) return [];
        seen.add(key);
        return [state.replace('TASK_', '')];
      });
    },
    last: (taskId) => updates().findLast((one) => one.taskId.value === taskId),
    subscriptions: () => agent.calls.filter(({ type }) => type === 'SUBSCRIBE'),
    tell(event) {
      if (stream === undefined) throw new Error('the executor has not subscribed');
      write(stream.response, event, stream.encoding);
    },
    acknowledge: ({ taskId, uuid = new Uint8Array() }) =>
      agent.tell({ type: 'ACKNOWLEDGED', acknowledged: { taskId, uuid } }),
    connected: () => stream !== undefined,
    async die() {
      stream = undefined;
      const dying = server;
      server = undefined;
      dying?.closeAllConnections();
      await new Promise<void>((resolve) => (dying ? dying.close(() => resolve()) : resolve()));
    },
    revive: listen,
  };
  await listen();
  return agent;
};
