import t from 'tap';
import { overflow } from '../../auctioneer/backends/overflow.js';
import { memoryGround } from '../support/cell-ground.js';
import { type CellGround, cellBackendContract } from './cell-backend.js';

/** Cells with odd numbers are the first backend's, those with even ones the second's, each on a bus of its own. */
cellBackendContract(t, 'overflow of one over another', async (): Promise<CellGround> => {
  const first = await memoryGround();
  const second = await memoryGround();
  const of = (cellId: string): CellGround => (/[13]$/.test(cellId) ? first : second);
  return {
    backend: overflow(first.backend, second.backend),
    add: (state, answer) => of(state.cellId).add(state, answer),
    announce: (cellId) => of(cellId).announce(cellId),
    intrude: (state) => of(state.cellId).intrude(state),
    garble: (cellId) => of(cellId).garble(cellId),
    async cut() {
      await first.cut();
      await second.cut();
    },
    async close() {
      await first.close();
      await second.close();
    },
  };
});
