import { silentLogger } from '../../common/adapters/capture-logger.js';
import type { Logger } from '../../common/ports/logger.js';
import type { GroupStore, TableSpec } from '../../common/store/contract.js';
import type { StoreEngine, StoreSchema } from '../../common/store/engine.js';
import { openGroupStore } from '../../common/store/group-store.js';

/** A small thing to store: enough for an index with many rows per value and one with few. */
export interface Ball {
  id: string;
  colour: string;
  /** left out of its index when empty */
  owner: string;
  n: number;
}

export interface BallTables {
  balls: Ball;
  boxes: { id: string };
}

export const BALL_SCHEMA: StoreSchema = {
  name: 'balls',
  version: 1,
  tables: ['balls', 'boxes'],
  migrations: [],
};

const jsonSpec = <T>(indexes: TableSpec<T>['indexes']): TableSpec<T> => ({
  encode: (row) => JSON.stringify(row),
  decode: (text) => JSON.parse(text) as T,
  indexes,
});

export const BALL_SPECS = {
  balls: {
    ...jsonSpec<Ball>({ colour: (ball) => ball.colour, owner: (ball) => ball.owner || undefined }),
    deferred: true as const,
  },
  boxes: jsonSpec<{ id: string }>({}),
};

export const ball = (id: string, changes: Partial<Ball> = {}): Ball => ({
  id,
  colour: 'red',
  owner: '',
  n: 0,
  ...changes,
});

/** A group store of balls; its events are strings. */
export const openBalls = (
  engine: StoreEngine,
  options: { logger?: Logger; beforeCommit?: () => void } = {},
): Promise<GroupStore<BallTables, string>> =>
  openGroupStore<BallTables, string>({
    engine,
    schema: BALL_SCHEMA,
    specs: BALL_SPECS,
    logger: silentLogger,
    ...options,
  });

/** Puts one ball, telling its id as the event. */
export const putBall = (store: GroupStore<BallTables, string>, row: Ball) =>
  store.transact((tables) => {
    tables.balls.put(row.id, row);
    return { value: row.id, events: [row.id] };
  });
