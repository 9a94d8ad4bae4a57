import type { Work, WorkOutcome } from '../../common/model/auction.js';
import type { CellPresence, CellState } from '../../common/model/cell.js';
import type { Bus } from '../../common/ports/bus.js';
import { decode, encode } from '../../common/wire/codec.js';
import { cellSubject } from '../../common/wire/subjects.js';

/** What a cell says to its work. */
export type Answer = (work: Work) => WorkOutcome[] | 'silent';

/** A cell of which only the bus is real. */
export interface FakeCell {
  state: CellState;
  taken: Work[];
  /** placement ids of which it was asked what became of them */
  asked: string[][];
}

export const accept: Answer = (work) =>
  [...work.lrps, ...work.tasks].map(({ placementId }) => ({ placementId, status: 'accepted', reason: '' }));

export const refuse: Answer = (work) =>
  [...work.lrps, ...work.tasks].map(({ placementId }) => ({
    placementId,
    status: 'refused',
    reason: 'full after all',
  }));

/** A cell on the bus that answers work as told. */
export const addCell = (bus: Bus, state: CellState, answer: Answer = accept): FakeCell => {
  const cell: FakeCell = { state, taken: [], asked: [] };
  const { cellId, incarnation } = state;
  const told = new Map<string, WorkOutcome>();
  bus.subscribe('cell.state', (message) => message.respond(encode('CellState', cell.state)));
  bus.subscribe(cellSubject(cellId, 'work'), (message) => {
    const work = decode('Work', message.payload);
    if (!work.ok) throw new Error(work.error.message);
    cell.taken.push(work.value);
    const outcomes = answer(work.value);
    if (outcomes === 'silent') return;
    for (const outcome of outcomes) told.set(outcome.placementId, outcome);
    message.respond(encode('WorkReply', { cellId, incarnation, outcomes }));
  });
  bus.subscribe(cellSubject(cellId, 'outcome'), (message) => {
    const query = decode('OutcomeQuery', message.payload);
    if (!query.ok) throw new Error(query.error.message);
    cell.asked.push(query.value.placementIds);
    const outcomes = query.value.placementIds.map(
      (placementId): WorkOutcome =>
        told.get(placementId) ?? { placementId, status: 'never_seen', reason: '' },
    );
    message.respond(encode('WorkReply', { cellId, incarnation, outcomes }));
  });
  return cell;
};

/** What the BBS has of a cell. */
export const presenceOf = (cellId: string): CellPresence => ({
  cellId,
  repAddress: '',
  zone: 'z1',
  capacity: { memoryMb: 1024, diskMb: 4096, containers: 10 },
  rootfsProviders: [],
  placementTags: [],
  optionalPlacementTags: [],
  repUrl: '',
  annotations: {},
});
