/** A bridge at a master that says exactly what a test has it say; BBS and auctioneer beside it are real. */
import type { Test } from 'tap';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import type { Clock } from '../../common/ports/clock.js';
import { encodeRecord } from '../../mesos-bridge/protocol/record-io.js';
import { desiredLrp, must } from './bbs.js';
import { eventually } from './eventually.js';
import { answer, beginStream, chunk, recordOf, startRawServer, subscribedEvent } from './mesos-raw-server.js';
import type { RawRequest } from './mesos-raw-server.js';
import { isSubscribe } from './mesos-scheduler.js';
import { startMesosSystem } from './mesos-system.js';

export type Socket = RawRequest['socket'];

const clock = createSystemClock();
/** Waits between attempts are a hundredth of what they are. */
const hasty: Clock = {
  ...clock,
  after: (ms, work) => clock.after(ms / 100, work),
  sleep: (ms) => clock.sleep(ms / 100),
};

const SUBSCRIBED = recordOf('SchedulerEvent', subscribedEvent('fw-1', 86_400));

export const until = <T>(what: string, check: () => T | Promise<T>) =>
  eventually(check, { timeoutMs: 20_000, what });

export const text = (value: unknown): Buffer =>
  chunk(encodeRecord(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))));

interface Id {
  readonly value: string;
}

/** A call, as far as tests look at it. */
export interface Sent {
  readonly type: string;
  readonly accept?: {
    readonly offer_ids: Id[];
    readonly operations: {
      readonly launch: { readonly task_infos: { readonly name: string; readonly task_id: Id }[] };
    }[];
  };
  readonly decline?: { readonly offer_ids: Id[] };
  readonly reconcile?: { readonly tasks?: { readonly task_id: Id }[] };
}

export const sentIn = ({ body }: RawRequest): Sent => JSON.parse(body.toString()) as Sent;

/** Ids of the tasks that it launches of the one instance of that process. */
export const launchedIn = ({ accept }: Sent, processGuid: string): string[] =>
  (accept?.operations ?? [])
    .flatMap(({ launch }) => launch.task_infos)
    .filter(({ name }) => name === `${processGuid}.0`)
    .map(({ task_id }) => task_id.value);

/** The master answers the bridge's subscriptions and calls as the test says. */
export const startAtRawMaster = async (
  t: Test,
  says: { subscribe(request: RawRequest): void; call(request: RawRequest): void },
) => {
  const server = await startRawServer((request) =>
    isSubscribe(request) ? says.subscribe(request) : says.call(request),
  );
  const system = await startMesosSystem(t, { agents: 0 });
  await system.startAuctioneer();
  t.teardown(server.close);
  const bridge = await system.startBridge({}, { address: server.address, encoding: 'json', clock: hasty });
  const sent = (): Sent[] => server.requests.map(sentIn);
  return {
    system,
    bridge,
    sent,
    subscriptions: () => server.requests.filter(isSubscribe).length,
    told: (event: string) => system.logger.events.filter((one) => one.event.endsWith(event)),
    codes: () =>
      system.logger.events.map(({ fields }) => fields['code']).filter((code) => code !== undefined),
    async desire(processGuid: string): Promise<void> {
      const lrp = desiredLrp({ processGuid, memoryMb: 128, diskMb: 64 });
      must(await system.bbs.desireLrp(lrp, 't'));
    },
    launches: (processGuid: string): string[] => sent().flatMap((call) => launchedIn(call, processGuid)),
  };
};

export const accepted = (request: RawRequest): void => answer(request, '202 Accepted');

export const subscribe = (request: RawRequest): Socket => {
  beginStream(request);
  request.socket.write(chunk(SUBSCRIBED));
  return request.socket;
};

export const resource = (name: string, value: number, more: object = {}) => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  allocation_info: { role: '*' },
  ...more,
});

export const offer = (number: number, more: object = {}) => ({
  id: { value: `O${number}` },
  framework_id: { value: 'fw-1' },
  agent_id: { value: `S${number}` },
  hostname: `agent-${number}`,
  allocation_info: { role: '*' },
  resources: [resource('cpus', 4), resource('mem', 4096), resource('disk', 8192)],
  ...more,
});

export const offers = (...list: object[]) => text({ type: 'OFFERS', offers: { offers: list } });

/** The bridge is subscribed; `write`: the master says this on its stream. */
export const startSubscribed = async (t: Test, call: (request: RawRequest) => void) => {
  let stream: Socket | undefined;
  const test = await startAtRawMaster(t, {
    subscribe: (request) => void (stream = subscribe(request)),
    call,
  });
  await until('it is subscribed', () => test.bridge.health().healthy);
  return { ...test, write: (bytes: Buffer) => void stream?.write(bytes) };
};
