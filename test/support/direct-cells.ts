import type { CellBackend } from '../../auctioneer/backends/cell-backend.js';
import type { Work, WorkOutcome } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';

export interface DirectCells extends CellBackend {
  /** how often states were asked for */
  readonly asked: number;
  readonly taken: Work[];
}

const outcomesOf = ({ lrps, tasks }: Work, refused: string): WorkOutcome[] =>
  [...lrps, ...tasks].map(({ placementId }) => ({
    placementId,
    status: refused === '' ? 'accepted' : 'refused',
    reason: refused,
  }));

/** Cells that are asked without a bus in between, and take everything, or refuse it with this reason. */
export const createDirectCells = (cells: CellState[], refused = ''): DirectCells => {
  const taken: Work[] = [];
  let asked = 0;
  return {
    taken,
    get asked() {
      return asked;
    },
    async states() {
      asked += 1;
      return { cells, missed: [] };
    },
    async commit(work) {
      taken.push(...work);
      return work.map((one) => ({
        cellId: one.cellId,
        answered: true as const,
        outcomes: outcomesOf(one, refused),
      }));
    },
    settle: async () => undefined,
  };
};
