/** What holds for whatever places come from: a backend, and those it hands on to. */
import type { Test } from 'tap';
import type { CellBackend } from '../../auctioneer/backends/cell-backend.js';
import type { Work } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import { type Answer, type FakeCell, accept, refuse } from '../support/bus-cells.js';
import { aCellState, aTaskWork, anLrpWork } from '../support/cell-states.js';

/** Where cells can be put that a backend is to find. Their ids are `cell-1` to `cell-4`. */
export interface CellGround {
  readonly backend: CellBackend;
  /** one that is present, and answers */
  add(state: CellState, answer?: Answer): Promise<FakeCell>;
  /** one that is present, and silent */
  announce(cellId: string): void;
  /** one that answers, and of which nobody knows */
  intrude(state: CellState): Promise<void>;
  /** whatever says its state says this from now on, and does not make sense */
  garble(cellId: string): Promise<void>;
  /** nothing is heard any more */
  cut(): Promise<void>;
  close(): Promise<void>;
}

const IDS = ['cell-1', 'cell-2', 'cell-3', 'cell-4'];

const chainOf = (first: CellBackend): CellBackend[] => {
  const chain: CellBackend[] = [];
  for (let at: CellBackend | undefined = first; at !== undefined; at = at.next) chain.push(at);
  return chain;
};

interface Told {
  states: Map<string, CellState>;
  /** who told it */
  owners: Map<string, CellBackend>;
  missed: string[];
}

const askAll = async (ground: CellGround): Promise<Told> => {
  const told: Told = { states: new Map(), owners: new Map(), missed: [] };
  for (const backend of chainOf(ground.backend)) {
    const { cells, missed } = await backend.states('trace');
    told.missed.push(...missed);
    for (const cell of cells) {
      if (told.states.has(cell.cellId)) throw new Error(`${cell.cellId} is told of twice`);
      told.states.set(cell.cellId, cell);
      told.owners.set(cell.cellId, backend);
    }
  }
  return told;
};

const ownerOf = (told: Told, cellId: string): CellBackend => {
  const owner = told.owners.get(cellId);
  if (owner === undefined) throw new Error(`nobody tells of ${cellId}`);
  return owner;
};

const workFor = (cellId: string, count = 1): Work => ({
  traceId: 'trace',
  cellId,
  incarnation: 'first',
  deadlineMs: 1_000,
  lrps: Array.from({ length: count }, (_, index) => anLrpWork({ processGuid: `of-${cellId}`, index })),
  tasks: [aTaskWork({ taskGuid: `task-${cellId}` })],
});

const idsOf = ({ lrps, tasks }: Work): string[] => [...lrps, ...tasks].map(({ placementId }) => placementId);

export const cellBackendContract = (t: Test, name: string, open: () => Promise<CellGround>): void => {
  const contract = (what: string, run: (t: Test, ground: CellGround) => Promise<void>): void =>
    void t.test(`cell backend, ${name} - ${what}`, async (t) => {
      const ground = await open();
      t.teardown(() => ground.close());
      await run(t, ground);
    });

  contract('tells the state of every cell, as the cell has it', async (t, ground) => {
    const states = IDS.map((cellId, cellIndex) =>
      aCellState({
        cellId,
        cellIndex,
        zone: `z${cellIndex % 2}`,
        lrpCounts: new Map([['app', cellIndex]]),
        version: 7,
      }),
    );
    for (const state of states) await ground.add(state);
    const told = await askAll(ground);
    t.same([...told.states.keys()].sort(), IDS);
    t.same(
      states.map(({ cellId }) => told.states.get(cellId)),
      states,
    );
    t.same(told.missed, []);
  });

  contract('a present cell that says nothing is missed, and holds up nobody for ever', async (t, ground) => {
    await ground.add(aCellState({ cellId: 'cell-1' }));
    ground.announce('cell-2');
    const told = await askAll(ground);
    t.same([...told.states.keys()], ['cell-1']);
    t.same(told.missed, ['cell-2']);
  });

  contract('a state that makes no sense is no state', async (t, ground) => {
    const room = { memoryMb: 2048, diskMb: 4096, containers: 10 };
    await ground.add(aCellState({ cellId: 'cell-1' }));
    await ground.add(aCellState({ cellId: 'cell-2', available: room }));
    await ground.garble('cell-3');
    const told = await askAll(ground);
    t.same([...told.states.keys()], ['cell-1']);
    t.same(told.missed.sort(), ['cell-2', 'cell-3']);
  });

  contract('a cell without a presence does not take part', async (t, ground) => {
    await ground.intrude(aCellState({ cellId: 'cell-1' }));
    ground.announce('cell-2');
    t.notOk((await askAll(ground)).states.has('cell-1'));
  });

  contract('without cells there are none', async (t, ground) => {
    const told = await askAll(ground);
    t.same([told.states.size, told.missed], [0, []]);
    for (const backend of chainOf(ground.backend)) t.same(await backend.commit([]), []);
  });

  contract('work goes to its cell in one message, and its outcomes come back', async (t, ground) => {
    const one = await ground.add(aCellState({ cellId: 'cell-1' }), accept);
    const two = await ground.add(aCellState({ cellId: 'cell-2' }), refuse);
    const told = await askAll(ground);
    for (const [cell, status] of [
      [one, 'accepted'],
      [two, 'refused'],
    ] as const) {
      const { cellId } = cell.state;
      const work = workFor(cellId, 3);
      const [result, ...others] = await ownerOf(told, cellId).commit([work]);
      t.same(others, []);
      t.same(cell.taken, [work]);
      t.match(result, { cellId, answered: true });
      const outcomes = result?.answered === true ? result.outcomes : [];
      t.same(outcomes.map(({ placementId }) => placementId).sort(), idsOf(work).sort());
      t.ok(outcomes.every((outcome) => outcome.status === status));
    }
  });

  contract('one silent cell is told as such, and costs the others nothing', async (t, ground) => {
    await ground.add(aCellState({ cellId: 'cell-1' }), () => 'silent');
    await ground.add(aCellState({ cellId: 'cell-3' }));
    const told = await askAll(ground);
    const owner = ownerOf(told, 'cell-1');
    const results = await owner.commit([workFor('cell-1'), workFor('cell-3')]);
    t.match(
      results.sort((a, b) => (a.cellId < b.cellId ? -1 : 1)),
      [
        { cellId: 'cell-1', answered: false, reason: /./ },
        { cellId: 'cell-3', answered: true },
      ],
    );
  });

  contract('what became of work can be asked afterwards', async (t, ground) => {
    await ground.add(aCellState({ cellId: 'cell-1' }), refuse);
    await ground.add(aCellState({ cellId: 'cell-2' }));
    const told = await askAll(ground);
    for (const [cellId, status] of [
      ['cell-1', 'refused'],
      ['cell-2', 'accepted'],
    ] as const) {
      const owner = ownerOf(told, cellId);
      const work = workFor(cellId);
      await owner.commit([work]);
      const outcomes = await owner.settle(cellId, [...idsOf(work), 'another@0'], 'trace');
      t.same(
        outcomes?.map((outcome) => [outcome.placementId, outcome.status]),
        [...idsOf(work).map((id) => [id, status]), ['another@0', 'never_seen']],
      );
    }
  });

  contract('nobody answers for a cell that is not there', async (t, ground) => {
    for (const backend of chainOf(ground.backend)) {
      t.match(await backend.commit([workFor('cell-4')]), [{ cellId: 'cell-4', answered: false }]);
      t.equal(await backend.settle('cell-4', ['one@0'], 'trace'), undefined);
    }
  });

  contract('while nothing is heard it says so, and throws nothing', async (t, ground) => {
    for (const cellId of IDS) await ground.add(aCellState({ cellId }));
    const owners = (await askAll(ground)).owners;
    await ground.cut();
    const told = await askAll(ground);
    t.same([told.states.size, told.missed.sort()], [0, IDS]);
    for (const [cellId, backend] of owners) {
      t.match(await backend.commit([workFor(cellId)]), [{ cellId, answered: false }]);
      t.equal(await backend.settle(cellId, ['one@0'], 'trace'), undefined);
    }
  });
};
