import type { Bus } from '../../common/ports/bus.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import { unattended } from '../../common/runtime/unattended.js';
import { decode, encode } from '../../common/wire/codec.js';
import { cellSubject } from '../../common/wire/subjects.js';
import { cellIdOf } from '../core/cell-id.js';
import type { Executor } from '../core/executors.js';

export interface LeavingOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** ms that a rep has to answer */
const ANSWER_MS = 2_000;
/** ms after which one that has not said yes is asked again */
const AGAIN_MS = 5_000;

/** Has the reps on agents that are to be left evacuate: replacements run elsewhere before anything ends there. */
export const createLeaving = ({ bus, clock, random, logger }: LeavingOptions) => {
  /** by executor: ms, monotonic, when it is asked next; Infinity: it has said yes */
  const asked = new Map<string, number>();

  const ask = async ({ id: executorId, agentId }: Executor): Promise<void> => {
    const request = encode('Traced', { traceId: random.uuid() });
    const subject = cellSubject(cellIdOf(agentId), 'evacuate');
    const reply = await bus.request(subject, request, { timeoutMs: ANSWER_MS });
    const ack = reply.ok ? decode('Ack', reply.payload) : undefined;
    if (ack?.ok === true && ack.value.accepted) {
      asked.set(executorId, Infinity);
      return logger.info('evacuating', { executorId, agentId });
    }
    const reason = reply.ok ? (ack?.ok === true && ack.value.reason) || 'unreadable' : reply.error;
    logger.warn('not-evacuated', { code: 'MESOS_AGENT_NOT_EVACUATED', executorId, agentId, reason });
  };

  /** `executors`: those that live on agents that are to be left by now */
  return (executors: readonly Executor[]): void => {
    const now = clock.monotonic();
    const here = new Set(executors.map(({ id }) => id));
    for (const id of asked.keys()) if (!here.has(id)) asked.delete(id);
    for (const executor of executors) {
      if (now < (asked.get(executor.id) ?? 0)) continue;
      asked.set(executor.id, now + AGAIN_MS);
      unattended({ logger, event: 'failed-to-evacuate' }, () => ask(executor));
    }
  };
};
