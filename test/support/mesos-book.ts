import type { LrpWork, TaskWork, Work } from '../../common/model/auction.js';
import type { BookOptions, MesosBook } from '../../mesos-bridge/core/book.js';
import { createMesosBook } from '../../mesos-bridge/core/book.js';
import { cellIdOf } from '../../mesos-bridge/core/cell-id.js';
import { executorIdOf } from '../../mesos-bridge/core/executor-id.js';
import { NEED_DEFAULTS } from '../../mesos-bridge/core/needs.js';
import type { Offer } from '../../mesos-bridge/core/offer.js';
import { readOffer } from '../../mesos-bridge/core/offer.js';
import type { OfferShape } from '../../mesos-bridge/core/offer.js';
import type { ResourceShape } from '../../mesos-bridge/core/resource-shape.js';
import type { TaskState, TaskStatus } from '../../mesos-bridge/core/task-status.js';

export const ROLE = 'outcry';
export const INCARNATION = 'now';

export interface Amounts {
  cpus: number;
  mem: number;
  disk: number;
  /** how many, from 31000 */
  ports: number;
}

const scalar = (name: string, value: number): ResourceShape => ({ name, type: 'SCALAR', scalar: { value } });

export const shapesOf = ({ cpus, mem, disk, ports }: Amounts): ResourceShape[] => [
  ...(ports > 0
    ? [
        {
          name: 'ports',
          type: 'RANGES',
          ranges: { range: [{ begin: 31_000n, end: BigInt(30_999 + ports) }] },
        },
      ]
    : []),
  scalar('cpus', cpus),
  scalar('mem', mem),
  scalar('disk', disk),
];

export const PLENTY: Amounts = { cpus: 4, mem: 4096, disk: 10_000, ports: 100 };

let offers = 0;

export const offer = (
  agentId: string,
  amounts: Partial<Amounts> = {},
  over: Partial<OfferShape> = {},
): Offer =>
  readOffer(
    {
      id: { value: `offer-${(offers += 1)}` },
      agentId: { value: agentId },
      hostname: `${agentId}.example.com`,
      resources: shapesOf({ ...PLENTY, ...amounts }),
      allocationInfo: { role: ROLE },
      ...over,
    },
    ROLE,
  );

export interface BookOver {
  offers?: Partial<BookOptions['offers']>;
  rules?: Partial<BookOptions['offers']['rules']>;
  bids?: Partial<BookOptions['bids']>;
  rest?: Omit<Partial<BookOptions>, 'offers' | 'bids'>;
}

export const bookOf = ({ offers: offerOver, rules, bids, rest }: BookOver = {}): MesosBook =>
  createMesosBook({
    offers: {
      ...offerOver,
      rules: {
        roles: [ROLE],
        remoteRegions: false,
        gpuAgents: false,
        constraints: [],
        leastCpuMilli: 10,
        leastMemoryMb: 1,
        ...rules,
      },
    },
    bids: {
      ...NEED_DEFAULTS,
      rootfsProviders: { preloaded: { type: 'fixed_set', set: ['cflinuxfs4'] } },
      volumeDrivers: [],
      maxContainers: 256,
      zoneAttribute: 'rack',
      defaultZone: 'z1',
      tags: [],
      incarnation: INCARNATION,
      ...bids,
    },
    ...rest,
  });

/** A book that wants work, with these offers in hand at time 0. */
export const bookWith = (given: readonly Offer[], over: BookOver = {}): MesosBook => {
  const book = bookOf(over);
  book.offers.subscribed({ homeRegion: '', suppressed: true }, 0);
  book.offers.wants(1, 0);
  book.offered(given, { now: 0, wall: 0 });
  return book;
};

let minted = 0;

export const take = (
  book: MesosBook,
  agentId: string,
  work: Partial<Pick<Work, 'lrps' | 'tasks' | 'deadlineMs' | 'incarnation'>>,
  now = 0,
) =>
  book.take(
    {
      traceId: 't',
      cellId: cellIdOf(agentId),
      incarnation: INCARNATION,
      deadlineMs: 10_000,
      lrps: [],
      tasks: [],
      ...work,
    },
    {
      receivedAt: now,
      now,
      mintGuid: () => `guid-${(minted += 1)}`,
      newExecutorId: executorIdOf({ version: 'v1', life: `life-${(minted += 1)}` }),
    },
  );

export const status = (
  task: { id: string },
  state: TaskState,
  over: Partial<TaskStatus> = {},
): TaskStatus => ({
  taskId: task.id,
  state,
  source: 'SOURCE_EXECUTOR',
  reason: '',
  message: '',
  agentId: '',
  executorId: '',
  uuid: `uuid-${(minted += 1)}`,
  ...over,
});

export type AnyWork = LrpWork | TaskWork;
