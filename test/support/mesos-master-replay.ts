/** Has a simulated master meet what a real one met, by the recordings, and tells what it did. */
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import type { FakeClock } from '../../common/adapters/fake-clock.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import { decode, encode } from '../../mesos-bridge/protocol/codec.js';
import type { Encoding } from '../../mesos-bridge/protocol/codec.js';
import type { DomainInfo, SchedulerEvent, TaskStatus } from '../../mesos-bridge/protocol/messages.js';
import type { Credentials } from '../../mesos-bridge/simulator/handlers/master-server.js';
import type { MasterFlags } from '../../mesos-bridge/simulator/master/flags.js';
import type { HeldOffer } from '../../mesos-bridge/simulator/master/state.js';
import { createSimulatedMaster } from '../../mesos-bridge/simulator/simulated-master.js';
import type { SimulatedMaster } from '../../mesos-bridge/simulator/simulated-master.js';
import { bytesOf, headerIn, messagesOf, payloadOf } from './mesos-recordings.js';
import type { RecordedExchange, Recording } from './mesos-recordings.js';
import { createScriptedAgent } from './mesos-scripted-agent.js';
import type { AgentFlags, ScriptedAgent } from './mesos-scripted-agent.js';
import { createMesosClient } from './mesos-stream.js';
import type { RawAnswer } from './mesos-stream.js';

const ID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-(?:S\d+|O\d+|\d{4})\b/g;

const flagIn = (flags: string, name: string): string | undefined =>
  new RegExp(`--${name}=(.*?)(?= --|$)`).exec(flags)?.[1];

const domainOf = (text: string | undefined): DomainInfo | undefined => {
  if (text === undefined) return undefined;
  const { fault_domain: faultDomain } = JSON.parse(text) as {
    fault_domain: DomainInfo['faultDomain'] & object;
  };
  return { faultDomain };
};

const secondsIn = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(/^[\d.]+/.exec(text)?.[0]);

const optional = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, V>);

/** The interval of 1 s as real timers keep it. */
const REAL_INTERVAL_MS = 1002;

const masterFlags = (flags: string): Partial<MasterFlags> => {
  const ping = secondsIn(flagIn(flags, 'agent_ping_timeout'));
  const offer = secondsIn(flagIn(flags, 'offer_timeout'));
  const removal = /^1\/(\d+)secs/.exec(flagIn(flags, 'agent_removal_rate_limit') ?? '')?.[1];
  const count = (name: string): number | undefined => secondsIn(flagIn(flags, name));
  return {
    allocationIntervalMs: REAL_INTERVAL_MS,
    ...optional('agentPingTimeoutMs', ping && ping * 1000),
    ...optional('maxAgentPingTimeouts', count('max_agent_ping_timeouts')),
    ...optional('offerTimeoutMs', offer && offer * 1000),
    ...optional('maxCompletedFrameworks', count('max_completed_frameworks')),
    ...optional('maxOperatorSubscribers', count('max_operator_event_stream_subscribers')),
    ...optional('agentRemovalIntervalMs', removal === undefined ? undefined : Number(removal) * 1000),
    ...optional('domain', domainOf(flagIn(flags, 'domain'))),
  };
};

/** What an agent finds by itself: the disk of the machine that was recorded, and Mesos's own ports. */
const withDefaults = (resources: string): string =>
  [
    resources,
    ...(resources.includes('disk:') ? [] : ['disk:252899']),
    ...(resources.includes('ports:') ? [] : ['ports:[31000-32000]']),
  ].join(';');

const agentFlags = (flags: string): AgentFlags => ({
  port: Number(flagIn(flags, 'port')),
  resources: withDefaults(flagIn(flags, 'resources') ?? ''),
  ...optional('attributes', flagIn(flags, 'attributes')),
  ...optional('domain', domainOf(flagIn(flags, 'domain'))),
});

const encodingIn = ({ response }: RecordedExchange): Encoding =>
  headerIn(response?.headers, 'content-type') === 'application/x-protobuf' ? 'protobuf' : 'json';

const portOf = ({ request }: RecordedExchange): number =>
  Number(request.headers.find(([name]) => name === 'Host')?.[1].split(':')[1]);

export interface ReplayedExchange {
  readonly exchange: RecordedExchange;
  readonly answer: RawAnswer | undefined;
}

export interface Replayed {
  readonly exchanges: readonly ReplayedExchange[];
  /** ids of ours in a text, as the recording has them */
  recordedIds(text: string): string;
  close(): Promise<void>;
}

export interface ReplayOptions {
  /** ms after the start at which the real master's allocator ran, modulo its interval */
  readonly phase?: number;
  /** of the master's chance: in which order it looks at agents */
  readonly seed?: number;
  /** what happens outside HTTP */
  readonly script?: readonly ScriptStep[];
  readonly credentials?: Credentials;
  /** recorded ids of agents that no framework was offered */
  readonly ids?: Readonly<Record<string, string>>;
  /** recorded names of agents that are not there at the start */
  readonly absent?: readonly string[];
}

export interface ScriptStep {
  readonly at: number;
  run(world: ReplayWorld): void | Promise<void>;
}

export interface ReplayWorld {
  readonly agent: (name: string) => ScriptedAgent;
  readonly master: SimulatedMaster;
  readonly clock: FakeClock;
  /** an agent that was not there at the start, or comes as a new one: under which id it was recorded */
  known(recordedId: string, agent: ScriptedAgent): Promise<void>;
}

interface OfferSeen {
  readonly frameworkId: string;
  readonly agentId: string;
  readonly role: string;
  readonly cpus: number;
}

class Replay {
  private readonly clock = createFakeClock();
  private readonly client = createMesosClient();
  private readonly masters = new Map<number, SimulatedMaster>();
  private readonly agents = new Map<string, ScriptedAgent>();
  /** recorded id → ours */
  private readonly ours = new Map<string, string>();
  private readonly theirs = new Map<string, string>();
  private readonly streams = new Map<string, string>();
  private readonly offersSeen = new Map<string, OfferSeen>();
  private readonly replayed: { exchange: RecordedExchange; answer: RawAnswer | undefined }[] = [];
  private readonly recordedMaster: string;
  private now: number;

  constructor(
    private readonly recording: Recording,
    private readonly options: ReplayOptions,
  ) {
    this.now = (options.phase ?? 0) - REAL_INTERVAL_MS;
    const text = JSON.stringify(recording.exchanges);
    this.recordedMaster = /"master_info":\{"id":"([^"]+)"/.exec(text)?.[1] ?? '';
  }

  async run(): Promise<Replayed> {
    await this.startMasters();
    await this.startAgents();
    for (const item of this.timeline()) {
      await this.advanceTo(item.at);
      await item.run();
      await this.settle();
    }
    await this.clock.advance(50);
    await this.settle();
    return {
      exchanges: this.replayed,
      recordedIds: (text) => this.recordedIds(text),
      close: async () => {
        this.client.close();
        for (const { answer } of this.replayed) answer?.close();
        for (const master of this.masters.values()) await master.kill();
      },
    };
  }

  private async startMasters(): Promise<void> {
    let seed = this.options.seed ?? 1;
    for (const [name, flags] of Object.entries(this.recording.flags)) {
      if (!name.startsWith('master')) continue;
      const master = await createSimulatedMaster({
        clock: this.clock,
        random: createSeededRandom(seed),
        credentials: name.includes('auth') ? (this.options.credentials ?? 'none') : 'none',
        flags: masterFlags(flags),
      });
      seed += 1;
      this.masters.set(Number(flagIn(flags, 'port')), master);
    }
  }

  /** In the order of the ids that they had. */
  private async startAgents(): Promise<void> {
    const named = Object.entries(this.recording.flags)
      .filter(([name]) => name.startsWith('agent'))
      .map(([name, flags]) => ({
        name,
        flags,
        recordedId: this.options.ids?.[name] ?? this.recordedAgentId(agentFlags(flags).port),
      }))
      .toSorted((a, b) => (a.recordedId ?? '~').localeCompare(b.recordedId ?? '~'));
    for (const { name, flags, recordedId } of named) {
      const agent = createScriptedAgent(agentFlags(flags));
      this.agents.set(name, agent);
      if (this.options.absent?.includes(name)) continue;
      agent.register(this.masterOf(flags).door);
      await this.clock.advance(0);
      const id = agent.id();
      if (recordedId !== undefined && id !== undefined) this.pair(recordedId, id);
    }
  }

  /** Ids of frameworks, agents and offers, then those of the masters and their ports. */
  private recordedIds(text: string): string {
    let renamed = text.replace(ID, (id) => this.theirs.get(id) ?? id);
    for (const [recorded, own] of this.streams) renamed = renamed.replaceAll(own, recorded);
    for (const [port, master] of this.masters) {
      const own = master.state();
      renamed = renamed.replaceAll(String(master.port), String(port));
      if (own) renamed = renamed.replaceAll(own.id, this.recordedMaster);
    }
    return renamed;
  }

  private masterOf(flags: string): SimulatedMaster {
    const [, port] = (flagIn(flags, 'master') ?? '').split(':');
    const master = this.masters.get(Number(port)) ?? [...this.masters.values()][0];
    if (!master) throw new Error('the recording has no master');
    return master;
  }

  /** found in what frameworks were offered and operators were shown */
  private recordedAgentId(port: number): string | undefined {
    for (const { exchange, event } of this.recordedEvents())
      for (const { agentId, url } of event.offers?.offers ?? [])
        if (url?.address.port === port && exchange) return agentId.value;
    const text = JSON.stringify(this.recording.exchanges.map(({ response }) => response?.body_json));
    return new RegExp(`"port":"?${port}"?,"resources":\\[.*?"id":\\{"value":"([^"]+-S\\d+)"`).exec(text)?.[1];
  }

  private recordedEvents(): { exchange: RecordedExchange; at: number; event: SchedulerEvent }[] {
    return this.recording.exchanges.flatMap((exchange) => {
      if (messagesOf(exchange.request)?.event !== 'SchedulerEvent') return [];
      return (exchange.response?.stream ?? []).flatMap((frame) => {
        const event = decode('SchedulerEvent', payloadOf(frame), encodingIn(exchange));
        return event.ok ? [{ exchange, at: frame.at_ms, event: event.value }] : [];
      });
    });
  }

  private pair(recorded: string, own: string): void {
    this.ours.set(recorded, own);
    this.theirs.set(own, recorded);
  }

  private timeline(): { at: number; order: number; run: () => void | Promise<void> }[] {
    const world: ReplayWorld = {
      agent: (name) => this.agents.get(name) as ScriptedAgent,
      master: [...this.masters.values()][0] as SimulatedMaster,
      clock: this.clock,
      known: async (recordedId, agent) => {
        await this.clock.advance(0);
        this.pair(recordedId, agent.id() ?? '');
      },
    };
    const exchanges = this.recording.exchanges.filter(({ who }) => who !== 'executor');
    return [
      ...exchanges.map((exchange) => ({ at: exchange.at_ms, order: 1, run: () => this.exchange(exchange) })),
      ...this.fed(),
      ...(this.options.script ?? []).map(({ at, run }) => ({ at, order: 0, run: () => run(world) })),
    ].toSorted((a, b) => a.at - b.at || a.order - b.order);
  }

  /** What agents must have said, by what frameworks heard; and whose stream the client closed. */
  private fed(): { at: number; order: number; run: () => void }[] {
    const frameworks = new Map<RecordedExchange, string>();
    const events = this.recordedEvents().map(({ exchange, at, event }) => {
      const of = event.subscribed?.frameworkId.value ?? frameworks.get(exchange) ?? '';
      frameworks.set(exchange, of);
      for (const offer of event.offers?.offers ?? [])
        this.offersSeen.set(offer.id.value, {
          frameworkId: of,
          agentId: offer.agentId.value,
          role: offer.allocationInfo?.role ?? '*',
          cpus: offer.resources.find(({ name }) => name === 'cpus')?.scalar?.value ?? 0,
        });
      return { at, order: 0, run: () => this.feed(event, of) };
    });
    const closed = this.recording.exchanges.flatMap((exchange) => {
      const end = exchange.response?.stream_end;
      return end?.how === 'closed-by-client'
        ? [{ at: end.at_ms, order: 0, run: () => this.closeStream(exchange) }]
        : [];
    });
    return [...events, ...closed, ...this.unheard()];
  }

  /** What executors said while nobody of their framework listened. */
  private unheard(): { at: number; order: number; run: () => void }[] {
    const listening = this.recordedEvents().flatMap(({ exchange, event }) =>
      event.subscribed
        ? [
            {
              of: event.subscribed.frameworkId.value,
              from: exchange.at_ms,
              until: exchange.response?.stream_end?.at_ms ?? Infinity,
            },
          ]
        : [],
    );
    return this.recording.exchanges.flatMap(({ who, at_ms: at, request, encoding }) => {
      const call = decode('ExecutorCall', bytesOf(request.body_base64), encoding);
      if (who !== 'executor' || !call.ok || !call.value.update) return [];
      const { frameworkId, update, executorId } = call.value;
      if (listening.some(({ of, from, until }) => of === frameworkId.value && from <= at && at < until))
        return [];
      return [{ at, order: 0, run: () => this.say(frameworkId.value, { ...update.status, executorId }) }];
    });
  }

  private say(recordedFramework: string, status: TaskStatus): void {
    const framework = [...this.masters.values()]
      .map((master) => master.state()?.frameworks.get(this.ours.get(recordedFramework) ?? ''))
      .find((found) => found !== undefined);
    const agentId = framework?.tasks.get(status.taskId.value)?.agentId;
    const agent = [...this.agents.values()].find((one) => one.id() === agentId);
    agent?.send({
      kind: 'status-update',
      frameworkId: framework?.id ?? '',
      status: { ...status, agentId: { value: agentId ?? '' } },
    });
  }

  private closeStream(exchange: RecordedExchange): void {
    this.replayed.find((one) => one.exchange === exchange)?.answer?.close();
  }

  private feed(event: SchedulerEvent, recordedFramework: string): void {
    const { offers, update, failure, message, updateOperationStatus } = event;
    for (const { id } of offers?.offers ?? []) this.ownId(id.value);
    const frameworkId = this.ours.get(recordedFramework) ?? recordedFramework;
    const to = (agentId: { value: string } | undefined) =>
      [...this.agents.values()].find((agent) => agent.id() === this.ours.get(agentId?.value ?? ''));
    if (update?.status.uuid && update.status.source !== 'SOURCE_MASTER') {
      const status = { ...update.status, agentId: { value: to(update.status.agentId)?.id() ?? '' } };
      to(update.status.agentId)?.send({ kind: 'status-update', frameworkId, status });
    }
    if (failure?.executorId)
      to(failure.agentId)?.send({
        kind: 'exited-executor',
        frameworkId,
        executorId: failure.executorId.value,
        status: failure.status ?? 0,
      });
    if (message)
      to(message.agentId)?.send({
        kind: 'executor-message',
        frameworkId,
        executorId: message.executorId.value,
        data: message.data,
      });
    const operation = updateOperationStatus?.status;
    if (operation?.uuid) {
      const agent = to(operation.agentId);
      agent?.send({
        kind: 'operation-update',
        frameworkId,
        status: { ...operation, agentId: { value: agent.id() ?? '' } },
      });
    }
  }

  private async advanceTo(at: number): Promise<void> {
    if (at > this.now) await this.clock.advance(at - this.now);
    this.now = Math.max(this.now, at);
  }

  /** Lets sockets carry what was written. */
  private async settle(): Promise<void> {
    await this.clock.advance(0);
    for (let turn = 0; turn < 8; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  private heldOffer(recorded: string): string | undefined {
    const seen = this.offersSeen.get(recorded);
    if (!seen) return undefined;
    const fits = ({ framework, agent, role }: HeldOffer): boolean =>
      framework.id === this.ours.get(seen.frameworkId) &&
      agent.id === this.ours.get(seen.agentId) &&
      role === seen.role;
    const cpusOf = ({ message }: HeldOffer): number =>
      message.resources?.find(({ name }) => name === 'cpus')?.scalar?.value ?? 0;
    const held = [...this.masters.values()]
      .flatMap((master) => [...(master.state()?.offers.values() ?? [])])
      .filter((offer) => fits(offer) && !this.theirs.has(offer.id));
    return (held.find((offer) => Math.abs(cpusOf(offer) - seen.cpus) < 0.001) ?? held[0])?.id;
  }

  private ownId(recorded: string): string {
    const known = this.ours.get(recorded);
    if (known !== undefined) return known;
    const offer = /-O\d+$/.test(recorded)
      ? (this.heldOffer(recorded) ?? this.heldInverse(recorded))
      : undefined;
    if (offer !== undefined) this.pair(recorded, offer);
    return offer ?? recorded;
  }

  private heldInverse(recorded: string): string | undefined {
    for (const { response } of this.recording.exchanges)
      for (const { event_json: event } of response?.stream ?? []) {
        const text = JSON.stringify(event);
        if (!text.includes('INVERSE_OFFERS') || !text.includes(`"${recorded}"`)) continue;
        const agentId = /"agent_id":\{"value":"([^"]+)"/.exec(text)?.[1] ?? '';
        const frameworkId = /"framework_id":\{"value":"([^"]+)"/.exec(text)?.[1] ?? '';
        return [...this.masters.values()]
          .flatMap((master) => [...(master.state()?.inverseOffers.values() ?? [])])
          .find(
            ({ agent, framework }) =>
              agent.id === this.ours.get(agentId) && framework.id === this.ours.get(frameworkId),
          )?.id;
      }
    return undefined;
  }

  private body(exchange: RecordedExchange): Buffer {
    const raw = bytesOf(exchange.request.body_base64);
    const own = (text: string): string => text.replace(ID, (id) => this.ownId(id));
    if (exchange.encoding === 'json') return Buffer.from(own(raw.toString('latin1')), 'latin1');
    const name = messagesOf(exchange.request)?.call ?? 'SchedulerCall';
    const call = decode(name, raw, 'protobuf');
    if (!call.ok) return raw;
    const json = own(Buffer.from(encode(name, call.value, 'json')).toString('utf8'));
    const renamed = decode(name, Buffer.from(json), 'json');
    return renamed.ok ? Buffer.from(encode(name, renamed.value, 'protobuf')) : raw;
  }

  private headers({ request }: RecordedExchange): Record<string, string> {
    const kept = request.headers.filter(([name]) => !/^(host|content-length|connection)$/i.test(name));
    return Object.fromEntries(
      kept.map(([name, value]) => [
        name,
        name.toLowerCase() === 'mesos-stream-id' ? (this.streams.get(value) ?? value) : value,
      ]),
    );
  }

  private async exchange(exchange: RecordedExchange): Promise<void> {
    const master = this.masters.get(portOf(exchange));
    if (!master) return;
    const [method = 'POST', path = '/'] = exchange.request.start_line.split(' ');
    const answer = await this.client
      .send({ port: master.port, method, path, headers: this.headers(exchange), body: this.body(exchange) })
      .catch(() => undefined);
    this.replayed.push({ exchange, answer });
    await this.settle();
    if (answer) this.learn(exchange, answer);
  }

  /** Pairs the ids of a new subscription. */
  private learn(exchange: RecordedExchange, answer: RawAnswer): void {
    const theirs = exchange.response?.headers?.find(([name]) => name === 'Mesos-Stream-Id')?.[1];
    const own = answer.headers['mesos-stream-id'];
    if (theirs === undefined || typeof own !== 'string') return;
    this.streams.set(theirs, own);
    const [first] = exchange.response?.stream ?? [];
    const [ownFirst] = answer.records;
    if (!first || !ownFirst) return;
    const encoding = encodingIn(exchange);
    const recorded = decode('SchedulerEvent', payloadOf(first), encoding);
    const found = decode('SchedulerEvent', ownFirst, encoding);
    if (recorded.ok && found.ok && recorded.value.subscribed && found.value.subscribed)
      this.pair(recorded.value.subscribed.frameworkId.value, found.value.subscribed.frameworkId.value);
  }
}

export const replayMaster = (recording: Recording, options: ReplayOptions = {}): Promise<Replayed> =>
  new Replay(recording, options).run();
