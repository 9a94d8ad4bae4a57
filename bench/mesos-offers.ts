/**
 * Offers of many agents and work for them, in one process, from the bytes of the offers to the bytes of the launches:
 * decoded, held in the bridge's book, told as bids, decided by the auction's core, taken, and written as ACCEPTs.
 */
import { auctionsOf } from '../auctioneer/core/auction.js';
import type { Auction } from '../auctioneer/core/auction.js';
import { decide } from '../auctioneer/core/decide.js';
import { DEFAULT_POLICY } from '../auctioneer/core/policy.js';
import { silentLogger } from '../common/adapters/capture-logger.js';
import { createSystemClock } from '../common/adapters/system-clock.js';
import { createSystemRandom } from '../common/adapters/system-random.js';
import type { LrpStart, LrpWork, Work } from '../common/model/auction.js';
import { createLauncher } from '../mesos-bridge/bridge/launcher.js';
import { createExecutorTemplate } from '../mesos-bridge/bridge/executor-info.js';
import { bookOptions } from '../mesos-bridge/bridge/book-options.js';
import type { MesosBridgeConfig } from '../mesos-bridge/config.js';
import { mesosBridgeConfig } from '../mesos-bridge/config.js';
import { createMesosBook } from '../mesos-bridge/core/book.js';
import { readOffer } from '../mesos-bridge/core/offer.js';
import { decode, encode } from '../mesos-bridge/protocol/codec.js';
import { must } from '../test/support/bbs.js';

export interface OffersOrder {
  agents: number;
  lrps: number;
}

export interface StepTime {
  /** on the clock */
  ms: number;
  /** of this process's CPU, its collections included */
  cpuMs: number;
}

export interface OffersResult {
  /** of each step, and of all together */
  steps: Record<string, StepTime>;
  /** MB of the process, at its highest */
  residentMb: number;
}

const ROLE = 'outcry';
const PER_PROCESS = 20;
/** offers in one event of the master's */
const PER_EVENT = 500;
const INCARNATION = 'now';

const config: MesosBridgeConfig = must(
  mesosBridgeConfig.parse(
    {
      masters: '127.0.0.1:5050',
      framework: { role: ROLE },
      executor: { command: './run' },
      enrolment: {
        url: 'http://127.0.0.1:1',
        listen: { host: '127.0.0.1', port: 0 },
        nats: '/unused',
        bbs: { socket: '/unused' },
      },
    },
    'bench',
  ),
);

const scalar = (name: string, value: number) => ({
  name,
  type: 'SCALAR' as const,
  scalar: { value },
  reservations: [],
});

const offerOf = (agent: number) => ({
  id: { value: `8b9d7f8e-7b2a-4c61-9f3e-5f6a1b0c2d3e-O${agent}` },
  frameworkId: { value: '8b9d7f8e-7b2a-4c61-9f3e-5f6a1b0c2d3e-0000' },
  agentId: { value: `8b9d7f8e-7b2a-4c61-9f3e-5f6a1b0c2d3e-S${agent}` },
  hostname: `agent-${agent}.example.com`,
  resources: [
    scalar('cpus', 4 + (agent % 13)),
    scalar('mem', 8_192 + 512 * (agent % 17)),
    scalar('disk', 100_000 + agent),
    {
      name: 'ports',
      type: 'RANGES' as const,
      ranges: { range: [{ begin: 31_000n, end: 32_000n }] },
      reservations: [],
    },
  ],
  attributes: [{ name: 'zone', type: 'TEXT' as const, text: { value: `z${agent % 3}` } }],
  executorIds: [],
  allocationInfo: { role: ROLE },
});

const eventsOf = (agents: number): Uint8Array[] => {
  const events: Uint8Array[] = [];
  for (let first = 0; first < agents; first += PER_EVENT) {
    const offers = Array.from({ length: Math.min(PER_EVENT, agents - first) }, (_, nth) =>
      offerOf(first + nth),
    );
    events.push(encode('SchedulerEvent', { type: 'OFFERS', offers: { offers } }, 'protobuf'));
  }
  return events;
};

const lrpsOf = (count: number): LrpStart[] =>
  Array.from({ length: Math.ceil(count / PER_PROCESS) }, (_, number) => ({
    processGuid: `app-${number}`,
    domain: 'apps',
    memoryMb: 64 * (1 + (number % 8)),
    diskMb: 256,
    maxPids: 1024,
    cpuMilli: 0,
    rootfs: 'preloaded:cflinuxfs4',
    placementTags: [],
    volumeDrivers: [],
    instances: Array.from({ length: Math.min(PER_PROCESS, count - number * PER_PROCESS) }, (_, index) => ({
      index,
      placementId: `app-${number}.${index}`,
    })),
  }));

const workOf = (auction: Auction): LrpWork => {
  if (auction.kind === 'task') throw new Error('there are no tasks here');
  return { ...auction.request, index: auction.index, placementId: auction.placementId };
};

/** All for one cell together, as the auctioneer sends it. */
const workByCell = (placements: ReturnType<typeof decide>['placements']): Work[] => {
  const found = new Map<string, Work>();
  for (const { auction, cellId } of placements) {
    const empty = { traceId: 't', cellId, incarnation: INCARNATION, deadlineMs: 10_000, lrps: [], tasks: [] };
    const work = found.get(cellId) ?? empty;
    found.set(cellId, work);
    work.lrps.push(workOf(auction));
  }
  return [...found.values()];
};

const DOOR = {
  url: 'http://127.0.0.1:1',
  ca: undefined,
  tokenOf: () => 'a-token-of-some-length-as-they-are',
};

const stopwatch = (): (() => StepTime) => {
  const [cpu, from] = [process.cpuUsage(), performance.now()];
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { ms: performance.now() - from, cpuMs: (user + system) / 1_000 };
  };
};

const createSteps = () => {
  const steps: Record<string, StepTime> = {};
  const whole = stopwatch();
  return {
    steps,
    step<T>(name: string, run: () => T): T {
      const read = stopwatch();
      const result = run();
      steps[name] = read();
      return result;
    },
    total: () => void (steps['all'] = whole()),
  };
};

export const runOffers = ({ agents, lrps }: OffersOrder): OffersResult => {
  const [clock, random] = [createSystemClock(), createSystemRandom()];
  const [events, wanted] = [eventsOf(agents), lrpsOf(lrps)];
  const template = createExecutorTemplate({ ...config, door: DOOR });
  const book = createMesosBook(bookOptions(config, template, INCARNATION));
  book.offers.subscribed({ homeRegion: '', suppressed: true }, clock.monotonic());
  book.offers.wants(lrps, clock.monotonic());
  let launched = 0;
  const launch = createLauncher({
    ...{ book: () => book, template, clock, logger: silentLogger, statuses: { lost: () => undefined } },
    frameworkId: () => 'framework',
    sender: {
      send(call) {
        const { byteLength } = encode('SchedulerCall', call, 'protobuf');
        launched += byteLength > 0 ? (call.accept?.operations?.length ?? 0) : 0;
      },
    },
  });

  const { steps, step, total } = createSteps();
  const read = step('offers decoded', () =>
    events.map((bytes) => must(decode('SchedulerEvent', bytes, 'protobuf')).offers?.offers ?? []),
  );
  step('offers held', () => {
    for (const offers of read)
      book.offered(
        offers.map((offer) => readOffer(offer, ROLE)),
        { now: clock.monotonic(), wall: clock.now() },
      );
  });
  if (book.offers.held() !== agents) throw new Error(`${book.offers.held()} offers are held`);
  const cells = step('bids', () => [...book.changes(0, clock.monotonic()).states]);
  const { placements } = step('auction', () =>
    decide({ cells, auctions: auctionsOf(wanted, []), policy: DEFAULT_POLICY }),
  );
  step('taken and launched', () => {
    for (const work of workByCell(placements)) {
      const now = clock.monotonic();
      const { acceptance } = book.take(work, {
        receivedAt: now,
        now,
        mintGuid: random.uuid,
        newExecutorId: template.newId(random.uuid()),
      });
      if (acceptance !== undefined) launch(acceptance, 't');
    }
  });
  total();
  if (launched !== lrps) throw new Error(`${launched} of ${lrps} LRPs were launched`);
  return { steps, residentMb: Math.round(process.resourceUsage().maxRSS / 1024) };
};
