import t from 'tap';
import type { CellState } from '../../common/model/cell.js';
import { decode } from '../../common/wire/codec.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { createWorld, startRep } from '../support/rep.js';

t.test(
  'runtime health - auctioneers hear at once that a cell takes no work, and that it does again',
  async (t) => {
    const world = createWorld();
    const told: CellState[] = [];
    let capacity = 0;
    world.bus.client().subscribe(SUBJECTS.cellChanged, ({ payload }) => {
      const state = decode('CellState', payload);
      if (state.ok) told.push(state.value);
    });
    world.bus.client().subscribe(SUBJECTS.auctionCapacity, () => void (capacity += 1));
    const rep = await startRep(world);
    await rep.until(() => told.some(({ placeable }) => placeable), 'placeable');
    const before = rep.rep.cell.state().version;
    world.runtime.becomeHealthy(false);
    await rep.until(() => told.at(-1)?.placeable === false, 'not placeable');
    t.ok((told.at(-1)?.version ?? 0) > before, 'a later state than the one before');
    t.match(rep.workLrp().outcomes, [{ status: 'refused', reason: 'container runtime is unhealthy' }]);
    const asked = capacity;
    world.runtime.becomeHealthy(true);
    await rep.until(() => told.at(-1)?.placeable === true, 'placeable again');
    await rep.until(() => capacity > asked, 'work that waits is asked for');
    await rep.stop();
  },
);
