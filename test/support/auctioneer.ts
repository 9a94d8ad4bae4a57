import type { Test } from 'tap';
import { type AuctioneerBbs, assembleAuctioneer } from '../../auctioneer/assemble.js';
import { auctioneerConfig } from '../../auctioneer/config.js';
import type { Scorer } from '../../auctioneer/core/scorer.js';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createPrometheusMetrics } from '../../common/adapters/prometheus-metrics.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import type { AuctionRequest } from '../../common/model/auction.js';
import type { ActualLrp, DesiredLrp } from '../../common/model/lrp.js';
import { ok } from '../../common/model/result.js';
import { createGroup } from '../../common/runtime/group.js';
import { decode, encode } from '../../common/wire/codec.js';
import { presenceOf } from './bus-cells.js';
import { eventually } from './eventually.js';

export interface AuctioneerParts {
  running?: ActualLrp[];
  desired?: DesiredLrp[];
  scorer?: Scorer;
  /** in place of what a BBS does that is well */
  bbs?: Partial<AuctioneerBbs>;
  config?: Record<string, unknown>;
}

/** The whole auctioneer over a bus in memory, with the lease, and a BBS that has these cells and notes failures. */
export const startAuctioneer = async (
  t: Test,
  registered: string[],
  { running = [], desired = [], scorer, bbs, config: settings }: AuctioneerParts = {},
) => {
  const bus = createMemoryBus();
  const failed: { id: string; reason: string }[] = [];
  const config = auctioneerConfig.parse(
    { cell_state_timeout: '200ms', work_timeout: '200ms', ...settings },
    'test',
  );
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  const unused = () => Promise.reject(new Error('not used here'));
  const logger = createCaptureLogger();
  const metrics = createPrometheusMetrics({ logger });
  const { members } = assembleAuctioneer({
    metrics,
    scorer,
    config: config.value,
    clock: createSystemClock(),
    random: createSeededRandom(1),
    logger,
    bus,
    bbs: {
      ping: () => Promise.resolve(true),
      cells: () => Promise.resolve(ok(registered.map(presenceOf))),
      acquireLease: ({ owner }) => Promise.resolve(ok({ held: true, epoch: 1, holder: owner })),
      renewLease: ({ owner }) => Promise.resolve(ok({ held: true, epoch: 1, holder: owner })),
      releaseLease: () => Promise.resolve(ok(undefined)),
      leases: unused,
      kvGet: unused,
      kvPut: unused,
      actualLrps: ({ cellId }) => Promise.resolve(ok(running.filter((lrp) => lrp.cellId === cellId))),
      desiredLrps: () => Promise.resolve(ok(desired)),
      tasks: () => Promise.resolve(ok([])),
      transitions: (list) => {
        for (const { kind, args } of list) {
          if (kind === 'fail')
            failed.push({ id: `${args.key.processGuid}.${args.key.index}`, reason: args.placementError });
          if (kind === 'rejectTask') failed.push({ id: args.taskGuid, reason: args.reason });
        }
        return Promise.resolve(ok(list.map(() => ok({ keepContainer: false, shouldStart: false }))));
      },
      ...bbs,
    },
  });
  const group = createGroup(members, logger);
  await group.start();
  t.teardown(async () => {
    await group.stop();
    await bus.close();
  });
  const ask = async (request: Partial<AuctionRequest>) => {
    const payload = encode('AuctionRequest', { traceId: 't', lrps: [], tasks: [], ...request });
    const reply = await eventually(async () => {
      const answer = await bus.request('auction.lrps', payload, { timeoutMs: 1000 });
      return answer.ok && answer;
    });
    const ack = decode('AuctionAck', reply.payload);
    if (!ack.ok) throw new Error(ack.error.message);
    return ack.value;
  };
  return { bus, failed, ask, metrics, logger };
};
