import { createBusCells } from '../../auctioneer/backends/bus-cells.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { ok } from '../../common/model/result.js';
import type { Bus } from '../../common/ports/bus.js';
import type { CellGround } from '../contract/cell-backend.js';
import { addCell, presenceOf } from './bus-cells.js';

export interface GroundBus {
  /** as the auctioneer, or as the cell of that name */
  connect(user: string): Promise<Bus>;
  cut(): Promise<void>;
  close(): Promise<void>;
}

export interface GroundOptions {
  /** the backend hears of changes, and keeps what it heard */
  listens?: boolean;
}

/** Cells over the bus, with a BBS of which only the presences are there. */
export const busGround = async (
  { connect, cut, close }: GroundBus,
  { listens = false }: GroundOptions = {},
): Promise<CellGround> => {
  const presences = new Set<string>();
  const bus = await connect('auctioneer');
  const backend = createBusCells({
    bus,
    bbs: { cells: () => Promise.resolve(ok([...presences].map(presenceOf))) },
    clock: createSystemClock(),
    logger: silentLogger,
    stateTimeoutMs: 500,
    refreshEveryMs: 60_000,
    workTimeoutMs: 500,
  });
  const rest = listens ? backend.listen() : () => undefined;
  const joined = async (cellId: string, join: (bus: Bus) => void): Promise<void> => {
    const cell = await connect(cellId);
    join(cell);
    await cell.flush();
  };
  return {
    backend,
    async add(state, answer) {
      presences.add(state.cellId);
      let added: ReturnType<typeof addCell> | undefined;
      await joined(state.cellId, (cell) => (added = addCell(cell, state, answer)));
      if (added === undefined) throw new Error('not added');
      return added;
    },
    announce: (cellId) => void presences.add(cellId),
    intrude: (state) => joined(state.cellId, (cell) => void addCell(cell, state)),
    async garble(cellId) {
      presences.add(cellId);
      await joined(cellId, (cell) =>
        cell.subscribe('cell.state', (message) => message.respond(new Uint8Array([255, 255, 255]))),
      );
    },
    cut,
    close() {
      rest();
      return close();
    },
  };
};

/** In one process; the timer stands for the socket that would keep a process alive. */
export const memoryGround = async (options: GroundOptions = {}): Promise<CellGround> => {
  const broker = createMemoryBus();
  const clients: ReturnType<typeof broker.client>[] = [];
  const alive = setInterval(() => undefined, 1_000);
  return busGround(
    {
      async connect() {
        const client = broker.client();
        clients.push(client);
        return client;
      },
      async cut() {
        for (const client of clients) client.disconnect();
      },
      async close() {
        for (const client of clients) await client.close();
        clearInterval(alive);
      },
    },
    options,
  );
};
