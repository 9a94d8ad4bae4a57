import type { ImageDescription, ImageReply } from '../../common/model/image.js';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { Bus, RequestFailure } from '../../common/ports/bus.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Random } from '../../common/ports/random.js';
import { decode, encode } from '../../common/wire/codec.js';
import { SUBJECTS, cellSubject } from '../../common/wire/subjects.js';
import { isToken } from '../../common/model/ids.js';

/** Asks cells what images are made to run: the API has no engine of its own. */
export interface Images {
  /** the error is a build's. Undefined: stopped before there was an answer */
  describe(rootfs: string): Promise<Result<ImageDescription, string> | undefined>;
  stop(): void;
}

export interface ImagesOptions {
  bus: Bus;
  clock: Clock;
  random: Random;
  /** ms until an image that nobody could describe is given up */
  timeoutMs: number;
}

/** ms for one answer; a cell says after one second that it is still looking */
const ANSWER_MS = 3_000;
/** ms between questions about one image */
const EVERY_MS = 500;

const NO_CELL =
  'NoCompatibleCell - no cell runs images: that takes one with a Docker engine, which offers the rootfs "docker"';

type Answer = { reply: ImageReply } | { failure: RequestFailure | 'unreadable' };

/** A wait that a stop ends. Nothing is kept of waits that are over: a promise that is raced against keeps them all. */
const createStop = () => {
  const waiting = new Set<() => void>();
  let stopped = false;
  return {
    stop(): void {
      stopped = true;
      for (const end of waiting) end();
    },
    unless: <T>(work: Promise<T>): Promise<T | 'stopped'> =>
      new Promise((resolve, reject) => {
        if (stopped) return resolve('stopped');
        const end = (): void => resolve('stopped');
        waiting.add(end);
        work.then(resolve, reject).finally(() => waiting.delete(end));
      }),
  };
};

export const createImages = ({ bus, clock, random, timeoutMs }: ImagesOptions): Images => {
  const { stop, unless } = createStop();

  /** the cell that is looking already, else any */
  const ask = async (rootfs: string, cellId: string): Promise<Answer> => {
    const subject = isToken(cellId) ? cellSubject(cellId, 'image') : SUBJECTS.cellImage;
    const query = encode('ImageQuery', { traceId: random.uuid(), rootfs });
    const answer = await bus.request(subject, query, { timeoutMs: ANSWER_MS });
    if (!answer.ok) return { failure: answer.error };
    const reply = decode('ImageReply', answer.payload);
    return reply.ok ? { reply: reply.value } : { failure: 'unreadable' };
  };

  const tooLate = (lastFailure: string): Result<ImageDescription, string> => {
    const why = lastFailure === '' ? 'the cell is still fetching it' : `cells do not answer (${lastFailure})`;
    return err(`StagingTimeExpired - not known after ${Math.round(timeoutMs / 1000)} s: ${why}`);
  };

  const settled = (answer: Answer): Result<ImageDescription, string> | undefined => {
    if ('failure' in answer) return undefined;
    const { status, image, reason } = answer.reply;
    if (status === 'found' && image) return ok(image);
    return status === 'failed' ? err(`StagingError - ${reason}`) : undefined;
  };

  return {
    async describe(rootfs) {
      const deadline = clock.monotonic() + timeoutMs;
      let looking = '';
      for (;;) {
        const answer = await unless(ask(rootfs, looking));
        if (answer === 'stopped') return undefined;
        const outcome = settled(answer);
        if (outcome) return outcome;
        const failure = 'failure' in answer ? answer.failure : '';
        if (failure === 'no-responders' && looking === '') return err(NO_CELL);
        if (clock.monotonic() >= deadline) return tooLate(failure);
        // one that has gone, or is silent, is not waited for
        looking = 'reply' in answer ? answer.reply.cellId : '';
        if ((await unless(clock.sleep(EVERY_MS))) === 'stopped') return undefined;
      }
    },
    stop,
  };
};
