/** What is true of every recorded batch: it comes back as it was, and is decided in the same way again. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type DecisionInput, decide } from '../../auctioneer/core/decide.js';
import { decisionLines } from '../../auctioneer/core/recording/lines.js';
import { auctionsOf, roundsOf, linesOf } from '../../auctioneer/recording/record.js';
import { createSlices } from '../../auctioneer/recording/slices.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import type { CellState } from '../../common/model/cell.js';
import { decidedBatch, startRecording } from './auction-records.js';

const clock = createSystemClock();

/** For each cell in turn, how it has changed some time later. */
export const changesOfCells = fc.array(fc.nat(4), { maxLength: 20 });

/** Without the bare prototypes of generated records, which no decoded message has. */
const plain = (input: DecisionInput): DecisionInput => ({
  ...input,
  cells: input.cells.map((cell) => structuredClone(cell)),
});

/** The same cells some time later: some as they were, some changed by themselves, some by what was reserved there. */
const later = (cells: readonly CellState[], kinds: readonly number[]): CellState[] =>
  cells.flatMap((cell, at) => {
    const kind = kinds[at % Math.max(1, kinds.length)] ?? 0;
    const available = { ...cell.available, containers: Math.max(0, cell.available.containers - 1) };
    if (kind === 0) return [structuredClone(cell)];
    if (kind === 1)
      return [{ ...cell, version: cell.version + 1, lrpCounts: new Map(cell.lrpCounts).set('b', 7) }];
    if (kind === 2) return [{ ...cell, available }];
    return kind === 3 ? [{ ...cell, incarnation: 'second', version: 1, zone: 'z9' }] : [];
  });

/** Three batches one after another, whose cells change in between. */
export const replaysAsOriginal = async (
  arbitrary: DecisionInput,
  kinds: readonly number[],
): Promise<void> => {
  const input = plain(arbitrary);
  const { recorder, answers, logger } = startRecording();
  const inputs = [
    input,
    { ...input, cells: later(input.cells, kinds), auctions: [...input.auctions].reverse() },
    { ...input, cells: [...input.cells].reverse() },
  ];
  for (const [at, one] of inputs.entries()) recorder.record(decidedBatch(`batch-${at}`, one));
  await recorder.settled();
  assert.deepEqual(logger.named('recording-failed'), []);
  const records = recorder.records().reverse();
  assert.equal(records.length, inputs.length);
  for (const [at, record] of records.entries()) {
    const { cells, auctions } = inputs[at]!;
    const decision = decide(inputs[at]!);
    const slices = createSlices(clock);
    assert.deepEqual(await roundsOf(record, slices), [cells]);
    assert.deepEqual(await auctionsOf(record, slices), auctions);
    assert.deepEqual(linesOf(record), [...decisionLines(decision)]);
    const replay = await answers.replay({ traceId: 't', batch: `batch-${at}` });
    assert.equal(replay.state, 'same');
    assert.equal(replay.sha256, replay.replayedSha256);
    assert.equal(replay.placements, decision.placements.length);
    assert.equal(replay.failures, decision.failures.length);
  }
};
