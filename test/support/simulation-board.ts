import type { Dispatcher } from 'undici';
import type { BbsClient } from '../../bbs/index.js';
import { createBbsClientOver } from '../../bbs/http-client.js';
import { createBbsMetrics } from '../../bbs/metrics.js';
import { openActive } from '../../bbs/controllers/active.js';
import type { Active } from '../../bbs/controllers/active.js';
import { openBusDoor } from '../../bbs/controllers/bus-door.js';
import { bbsConfig } from '../../bbs/config.js';
import type { Answered, Asked } from '../../bbs/handlers/answer.js';
import { HANDLERS } from '../../bbs/handlers/calls.js';
import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import { NO_METRICS } from '../../common/ports/metrics.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { OpenedStore, StoreEngine } from '../../common/store/engine.js';
import { BBS_ROUTES } from '../../common/wire/routes.js';
import { must } from './bbs.js';
import type { BusFaults, Life } from './simulation-mortal.js';
import { createLife, createMortalBus } from './simulation-mortal.js';

/** What happens to requests on their way to the BBS and back. Chances 0 to 1. */
export interface WireFaults {
  /** most ms on the way */
  slowMs: number;
  loseRequest: number;
  /** carried out, and the answer lost */
  loseReply: number;
  /** given up by the client, and carried out afterwards */
  late: number;
}

export const noWireFaults = (): WireFaults => ({ slowMs: 0, loseRequest: 0, loseReply: 0, late: 0 });

/** A BBS that is there: what its HTTP door does with a request, without the sockets. */
export interface BoardLife {
  readonly active: Active;
  readonly life: Life;
  /** rejects when it is killed before it has answered */
  answer(path: string, asked: Asked): Promise<Answered>;
  /** it had to step down */
  lost(): boolean;
  kill(): void;
  /** as its members are stopped */
  stop(): Promise<void>;
}

const routeOf = new Map(HANDLERS.map((handler) => [BBS_ROUTES[handler.call.route] as string, handler]));

const UNAVAILABLE: Answered = { status: 503, contentType: '', body: new Uint8Array() };

const answerWith =
  (active: Active, lost: () => boolean) =>
  async (path: string, asked: Asked): Promise<Answered> => {
    const handler = routeOf.get(path);
    if (lost() || handler === undefined) return UNAVAILABLE;
    return handler.handle(active.board, asked);
  };

export interface StoreState {
  /** a commit is being written */
  writing: number;
  /** commits that were under way when their BBS was killed */
  cut: number;
}

/** A store whose commits take time, and of which a killed owner leaves the last one written or not. */
const mortalEngine = (
  engine: StoreEngine,
  parts: { life: Life; world: Clock; random: Random; commitMs: number; state: StoreState },
): StoreEngine => {
  const { life, world, random, commitMs, state } = parts;
  const mortal = (opened: OpenedStore): OpenedStore => ({
    epoch: opened.epoch,
    sequence: opened.sequence,
    rows: () => opened.rows(),
    async commit(batch) {
      state.writing += 1;
      try {
        if (commitMs > 0) await world.sleep(random.fraction() * commitMs);
        if (!life.alive()) {
          state.cut += 1;
          if (random.fraction() < 0.5) return await new Promise<never>(() => undefined);
        }
        return await life.gate(opened.commit(batch));
      } finally {
        state.writing -= 1;
      }
    },
    readSequence: life.live(() => opened.readSequence()),
    close: life.live(() => opened.close()),
  });
  return { open: async (schema) => mortal(await engine.open(schema)) };
};

export interface BoardOptions {
  clock: Clock;
  random: Random;
  logger: Logger;
  bus: MemoryBus;
  engine: StoreEngine;
  busFaults: BusFaults;
  commitMs: number;
  storeState: StoreState;
  config: Record<string, unknown>;
  /** the board is open; nothing has changed yet */
  onOpen(active: Active): void;
}

/** Opens the store and starts everything of a BBS but its sockets. */
export const startBoard = async (options: BoardOptions): Promise<BoardLife> => {
  const { random, logger, clock: world } = options;
  const life = createLife(world);
  const { clock } = life;
  const connection = options.bus;
  const bus = createMortalBus(connection, { life, random, faults: options.busFaults });
  const config = must(bbsConfig.parse({ listen: { socket: '/unused' }, ...options.config }, 'simulation'));
  const { commitMs, storeState: state } = options;
  const engine = mortalEngine(options.engine, { life, world, random, commitMs, state });
  let lost = false;
  const onLost = (): void => void (lost = true);
  const metrics = createBbsMetrics(NO_METRICS, {
    servedMs: () => 0,
    observation: () => undefined,
    eventWindow: () => undefined,
  });
  const active = await openActive({ config, clock, random, logger, bus, engine, metrics, onLost });
  options.onOpen(active);
  active.presence.start();
  const closeDoor = openBusDoor({
    bus,
    logger,
    board: active.board,
    onCapacity: active.converger.reauctionSoon,
  });
  active.converger.start();
  const respond = answerWith(active, () => lost);
  const unanswered = new Set<(error: Error) => void>();
  const end = (): void => {
    for (const reject of unanswered) reject(new Error('read ECONNRESET'));
    unanswered.clear();
    life.kill();
    connection.disconnect();
    void connection.close();
  };
  return {
    active,
    life,
    answer: (path, asked) =>
      new Promise((resolve, reject) => {
        unanswered.add(reject);
        void respond(path, asked)
          .then(resolve, reject)
          .finally(() => unanswered.delete(reject));
      }),
    lost: () => lost,
    kill: end,
    async stop() {
      closeDoor();
      await active.withdraw();
      await active.store.close();
      end();
    },
  };
};

export interface WireOptions {
  life: Life;
  random: Random;
  faults: WireFaults;
  board(): BoardLife | undefined;
}

const HEADERS_TIMEOUT_MS = 10_000;

/** Carries requests of one client to whichever BBS is there, as a connection would. */
const createCarrier = ({ life, random, faults, board }: WireOptions): Dispatcher => {
  const chance = (share: number): boolean => share > 0 && random.fraction() < share;
  const travel = async (): Promise<void> => {
    if (faults.slowMs > 0) await life.clock.sleep(random.fraction() * faults.slowMs);
  };

  const carry = async (path: string, asked: Asked): Promise<Answered> => {
    await travel();
    const there = board();
    if (there === undefined) throw new Error('connect ENOENT');
    if (chance(faults.loseRequest)) throw new Error('write EPIPE');
    if (chance(faults.late)) {
      const lateMs = HEADERS_TIMEOUT_MS + random.fraction() * HEADERS_TIMEOUT_MS;
      there.life.clock.after(lateMs, () => void there.answer(path, asked).catch(() => undefined));
      await life.clock.sleep(HEADERS_TIMEOUT_MS);
      throw new Error('Headers Timeout Error');
    }
    const answer = await there.answer(path, asked);
    await travel();
    if (chance(faults.loseReply)) throw new Error('socket hang up');
    return answer;
  };

  const request = life.live(async (options: Dispatcher.RequestOptions) => {
    const headers = options.headers as Record<string, string>;
    const { status, contentType, body } = await carry(options.path, {
      body: options.body as Uint8Array,
      contentType: headers['content-type'],
      traceId: headers['x-vcap-request-id'] ?? '',
    });
    return {
      statusCode: status,
      headers: { 'content-type': contentType },
      body: { bytes: () => life.gate(Promise.resolve(body)) },
    };
  });
  const carrier = { request, destroy: () => Promise.resolve() };
  return carrier as unknown as Dispatcher;
};

/** The real client, over a wire with faults. */
export const createWiredClient = (options: WireOptions & { logger: Logger }): BbsClient =>
  createBbsClientOver(createCarrier(options), { clock: options.life.clock, logger: options.logger });
