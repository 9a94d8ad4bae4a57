import type { DecidedBatch } from '../../auctioneer/core/recording/batch.js';
import { type DecisionInput, decide } from '../../auctioneer/core/decide.js';
import type { Settled } from '../../auctioneer/core/outcomes.js';
import { DEFAULT_POLICY } from '../../auctioneer/core/policy.js';
import { createAnswers } from '../../auctioneer/recording/answers.js';
import { type Recorder, createRecorder } from '../../auctioneer/recording/recorder.js';
import type { Scorer } from '../../auctioneer/core/scorer.js';
import { type CaptureLogger, createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';

const MB = 1024 ** 2;

/** A batch decided on that, of which every placement was taken unless `settled` says otherwise. */
export const decidedBatch = (
  id: string,
  input: Pick<DecisionInput, 'cells' | 'auctions'> & Partial<DecisionInput>,
  settle: (settled: Settled) => Partial<Settled> = () => ({}),
): DecidedBatch => {
  const policy = input.policy ?? DEFAULT_POLICY;
  const decision = decide({ ...input, policy });
  const settled: Settled = { placed: decision.placements, refused: [], unseen: [], unknown: [] };
  return {
    id,
    at: 1_700_000_000_000,
    policy,
    rounds: [input.cells],
    auctions: input.auctions,
    decision,
    settled: { ...settled, ...settle(settled) },
    retried: [],
    deferred: [],
    statesMs: 1,
    decideMs: 2,
    commitMs: 3,
  };
};

export interface Recording {
  recorder: Recorder;
  logger: CaptureLogger;
  answers: ReturnType<typeof createAnswers>;
}

export const startRecording = (
  options: { maxBytes?: number; scorer?: Scorer; waits?: (id: string) => boolean } = {},
): Recording => {
  const [clock, logger] = [createSystemClock(), createCaptureLogger()];
  const recorder = createRecorder({ clock, logger, maxBytes: options.maxBytes ?? 64 * MB });
  const { scorer, waits = () => false } = options;
  return { recorder, logger, answers: createAnswers({ recorder, clock, scorer, waits }) };
};
