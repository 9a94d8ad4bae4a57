import type { BatchSummary } from '../../common/model/auction-questions.js';
import type { CellState } from '../../common/model/cell.js';
import { decode, encode } from '../../common/wire/codec.js';
import type { Auction } from '../core/auction.js';
import { type DecidedBatch, type Exception, exceptionsOf } from '../core/recording/batch.js';
import { decisionLines } from '../core/recording/lines.js';
import { auctionsOfRun, requestRuns } from '../core/recording/runs.js';
import type { Sorting } from '../core/order.js';
import type { Policy } from '../core/policy.js';
import { type Frames, addStates, statesAt } from './frames.js';
import type { Slices } from './slices.js';

/** A batch as it is kept. */
export interface BatchRecord {
  readonly summary: BatchSummary;
  readonly policy: Policy;
  /** how the decision put the auctions in their order */
  readonly sorting: Sorting;
  readonly frames: Frames;
  /** the states of the cells of each backend, as numbers in `frames` */
  readonly rounds: readonly Uint32Array[];
  /** AuctionRequests, in order of arrival */
  readonly requests: readonly Uint8Array[];
  /** the decision in its canonical form, in pieces */
  readonly decision: readonly Buffer[];
  /** JSON */
  readonly exceptions: Buffer;
  /** without its cells' states */
  readonly bytes: number;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

const summaryOf = (batch: DecidedBatch): BatchSummary => {
  const { id, at, rounds, auctions, decision, settled } = batch;
  return {
    id,
    at,
    cells: sum(rounds.map(({ length }) => length)),
    auctions: auctions.length,
    placed: settled.placed.length,
    refused: settled.refused.length + settled.unseen.length,
    failed: decision.failures.length,
    unknown: settled.unknown.length,
    statesMs: Math.round(batch.statesMs),
    decideMs: Math.round(batch.decideMs),
    commitMs: Math.round(batch.commitMs),
  };
};

const encodeRequests = async (batch: DecidedBatch, slices: Slices): Promise<Uint8Array[]> => {
  const requests: Uint8Array[] = [];
  for (const run of requestRuns(batch.auctions, batch.id)) {
    requests.push(encode('AuctionRequest', run));
    await slices.rest();
  }
  return requests;
};

/** Lines in one piece: few enough to be joined in no time. */
const PIECE = 500;

const encodeDecision = async ({ decision }: DecidedBatch, slices: Slices): Promise<Buffer[]> => {
  const pieces: Buffer[] = [];
  let lines: string[] = [];
  const close = (): void => {
    if (lines.length > 0) pieces.push(Buffer.from(`${lines.join('\n')}\n`));
    lines = [];
  };
  for (const line of decisionLines(decision)) {
    lines.push(line);
    if (lines.length === PIECE) close();
    await slices.rest();
  }
  close();
  return pieces;
};

const sizeOf = (parts: readonly ArrayBufferView[]): number => sum(parts.map(({ byteLength }) => byteLength));

/** What a record needs beside its bytes. */
const OVERHEAD_BYTES = 1024;

export const encodeBatch = async (
  batch: DecidedBatch,
  frames: Frames,
  slices: Slices,
): Promise<BatchRecord> => {
  const rounds: Uint32Array[] = [];
  for (const [backend, states] of batch.rounds.entries())
    rounds.push(await addStates(frames, { backend, states }, slices));
  const requests = await encodeRequests(batch, slices);
  const decision = await encodeDecision(batch, slices);
  const exceptions = Buffer.from(JSON.stringify(exceptionsOf(batch)));
  const bytes = OVERHEAD_BYTES + sizeOf([...requests, ...decision, exceptions, ...rounds]);
  return {
    summary: summaryOf(batch),
    policy: batch.policy,
    sorting: batch.decision.sorting,
    frames,
    rounds,
    requests,
    decision,
    exceptions,
    bytes,
  };
};

/** The auctions in order of arrival. */
export const auctionsOf = async ({ requests }: BatchRecord, slices: Slices): Promise<Auction[]> => {
  const runs: Auction[][] = [];
  for (const bytes of requests) {
    const run = decode('AuctionRequest', bytes);
    if (!run.ok) throw new Error(`recorded auctions: ${run.error.message}`);
    runs.push(auctionsOfRun(run.value));
    await slices.rest();
  }
  return runs.flat();
};

/** What each backend told. */
export const roundsOf = async ({ frames, rounds }: BatchRecord, slices: Slices): Promise<CellState[][]> => {
  const told: CellState[][] = [];
  for (const numbers of rounds) told.push(await statesAt(frames, numbers, slices));
  return told;
};

export const linesOf = ({ decision }: BatchRecord): string[] =>
  decision.flatMap((piece) => piece.toString('utf8').split('\n').slice(0, -1));

export const exceptionsAt = ({ exceptions }: BatchRecord): Map<number, Exception> =>
  new Map(
    (JSON.parse(exceptions.toString('utf8')) as Exception[]).map((exception) => [exception.line, exception]),
  );

/** Whether a guid occurs among the auctions; it may be a part of another one. */
export const mayHave = ({ requests }: BatchRecord, guid: string): boolean =>
  requests.some((bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(guid));
