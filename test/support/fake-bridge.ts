import type {
  MesosAuction,
  MesosAuctionReply,
  PlacedBefore,
  Sought,
  Work,
} from '../../common/model/auction.js';
import type { WorkOutcome, WorkReply } from '../../common/model/auction.js';
import type { Bus } from '../../common/ports/bus.js';
import { decode, encode } from '../../common/wire/codec.js';
import { type Answer, type FakeCell, accept } from './bus-cells.js';

/** A Mesos bridge of which only the bus is real: every cell put here is one of its bids. */
export interface FakeBridge {
  readonly cells: Map<string, { cell: FakeCell; answer: Answer }>;
  /** what it was told of that has no place */
  readonly sought: string[];
  /** whether it answers at all */
  silent: boolean;
  /** bids of which the states make no sense */
  readonly garbled: Set<string>;
  /** what it says to what has no place */
  seek(ids: string[]): Sought[];
  /** bids in one page */
  pageSize: number;
  readonly asked: { states: number; auctions: number };
}

const answerWork = (bridge: FakeBridge, work: Work, told: Map<string, WorkOutcome>): WorkReply[] => {
  const found = bridge.cells.get(work.cellId);
  if (found === undefined) return [];
  found.cell.taken.push(work);
  const outcomes = found.answer(work);
  if (outcomes === 'silent') return [];
  for (const outcome of outcomes) told.set(outcome.placementId, outcome);
  return [{ cellId: work.cellId, incarnation: work.incarnation, outcomes }];
};

const answerAsked = (
  { cells }: FakeBridge,
  { cellId, placementIds }: PlacedBefore,
  told: ReadonlyMap<string, WorkOutcome>,
): WorkReply[] => {
  const found = cells.get(cellId);
  if (found === undefined) return [];
  found.cell.asked.push(placementIds);
  const outcomes = placementIds.map(
    (placementId): WorkOutcome => told.get(placementId) ?? { placementId, status: 'never_seen', reason: '' },
  );
  return [{ cellId, incarnation: found.cell.state.incarnation, outcomes }];
};

const wantedIn = ({ lrps, tasks }: MesosAuction): string[] => [
  ...lrps.flatMap(({ instances }) => instances.map(({ placementId }) => placementId)),
  ...tasks.map(({ placementId }) => placementId),
];

export const startFakeBridge = (bus: Bus): FakeBridge => {
  const told = new Map<string, WorkOutcome>();
  const bridge: FakeBridge = {
    cells: new Map(),
    sought: [],
    silent: false,
    garbled: new Set(),
    seek: (ids) => [{ status: 'deferred', reason: 'waits for offers', placementIds: ids }],
    pageSize: 2,
    asked: { states: 0, auctions: 0 },
  };
  bus.subscribe('mesos.state', (message) => {
    bridge.asked.states += 1;
    const query = decode('MesosStateQuery', message.payload);
    if (!query.ok || bridge.silent) return;
    const { after } = query.value;
    const ids = [...bridge.cells.keys()].sort().filter((id) => id > after);
    const page = ids.slice(0, bridge.pageSize);
    const bids = page.flatMap((id) => {
      const state = bridge.cells.get(id)?.cell.state;
      if (state === undefined) return [];
      return bridge.garbled.has(id) ? [{ ...state, cellIndex: -1 }] : [state];
    });
    const next = ids.length > page.length ? (page.at(-1) ?? '') : '';
    const whole = { incarnation: 'fake', since: 0, version: 0, gone: [] };
    message.respond(encode('MesosState', { ...whole, bids, next }));
  });
  bus.subscribe('mesos.auction', (message) => {
    bridge.asked.auctions += 1;
    const auction = decode('MesosAuction', message.payload);
    if (!auction.ok || bridge.silent) return;
    const wanted = wantedIn(auction.value);
    bridge.sought.push(...wanted);
    const reply: MesosAuctionReply = {
      replies: [
        ...auction.value.work.flatMap((work) => answerWork(bridge, work, told)),
        ...auction.value.asked.flatMap((asked) => answerAsked(bridge, asked, told)),
      ],
      sought: wanted.length === 0 ? [] : bridge.seek(wanted),
    };
    message.respond(encode('MesosAuctionReply', reply));
  });
  return bridge;
};

/** One more bid. */
export const addBid = (bridge: FakeBridge, state: FakeCell['state'], answer: Answer = accept): FakeCell => {
  const cell: FakeCell = { state, taken: [], asked: [] };
  bridge.cells.set(state.cellId, { cell, answer });
  return cell;
};
