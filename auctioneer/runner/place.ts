import type { CellState } from '../../common/model/cell.js';
import type { Clock } from '../../common/ports/clock.js';
import type { CellBackend } from '../backends/cell-backend.js';
import type { Phases } from '../core/recording/batch.js';
import { type Round, type RoundsInput, decideRound, leftOver } from '../core/rounds.js';
import type { Settled } from '../core/outcomes.js';
import { type Committer, joined } from './commit.js';

export interface PlacerOptions {
  clock: Clock;
  commit: Committer;
  /** states of another backend's cells */
  statesOf(backend: CellBackend, traceId: string): Promise<CellState[]>;
  /** nothing new is placed any more */
  isStopped(): boolean;
}

export interface Placing extends RoundsInput {
  traceId: string;
  backend: CellBackend;
  /** what it has told */
  cells: readonly CellState[];
}

export interface Placed extends Phases {
  rounds: readonly Round[];
  settled: Settled;
}

/**
 * Decides on one backend's cells after the other's, each for what those before could not place. Work is on its way
 * while the next backend is asked: what has a place does not wait for what has none.
 */
export const createPlacer =
  ({ clock, commit, statesOf, isStopped }: PlacerOptions) =>
  async ({ traceId, backend, cells, ...input }: Placing): Promise<Placed> => {
    const began = clock.monotonic();
    let [statesMs, decideMs] = [0, 0];
    const rounds: Round[] = [];
    const commits: Promise<Settled>[] = [];

    const decideOn = (at: CellBackend, states: readonly CellState[]): void => {
      const from = clock.monotonic();
      const round = decideRound(states, rounds, input);
      rounds.push(round);
      decideMs += clock.monotonic() - from;
      commits.push(commit(at, round.decision.placements, { cells: states, traceId }));
    };

    decideOn(backend, cells);
    for (let { next } = backend; next !== undefined; { next } = next) {
      if (leftOver(rounds, input).length === 0) break;
      const from = clock.monotonic();
      const states = await statesOf(next, traceId);
      statesMs += clock.monotonic() - from;
      if (isStopped()) break;
      decideOn(next, states);
    }
    const settled = joined(await Promise.all(commits));
    return { rounds, settled, statesMs, decideMs, commitMs: clock.monotonic() - began - statesMs - decideMs };
  };
