/** The executor's side of the enrolment. */
import { Agent } from 'undici';
import { OutcryError } from '../../common/model/errors.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { Enrolment, EnrolmentRequest } from '../core/enrolment.js';
import { ENROLMENT_PATH, readEnrolment } from '../core/enrolment.js';
import type { ExecutorEnvironment } from './environment.js';

export interface EnrolOptions {
  environment: {
    readonly agent: Pick<ExecutorEnvironment['agent'], 'executorId' | 'agentId'>;
    readonly enrolment: ExecutorEnvironment['enrolment'];
  };
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** ms that an answer may take */
const PATIENCE_MS = 5_000;
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;

type Attempt =
  | { ok: true; enrolment: Enrolment }
  | { ok: false; reason: string; /** asking again is no use */ final: boolean };

const reasonOf = (error: unknown): string => {
  const cause = (error as { cause?: unknown }).cause ?? error;
  return cause instanceof Error ? cause.message : String(cause);
};

const messageOf = (body: unknown, status: number): string => {
  const { message } = (body ?? {}) as { message?: unknown };
  return typeof message === 'string' ? message : `the bridge answers ${status}`;
};

const ask = async (url: string, request: EnrolmentRequest, agent: Agent): Promise<Attempt> => {
  const { origin } = new URL(url);
  try {
    const { statusCode: status, body: answer } = await agent.request({
      origin,
      path: ENROLMENT_PATH,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    const body: unknown = await answer.json().catch(() => undefined);
    if (status !== 200) {
      return { ok: false, reason: messageOf(body, status), final: status >= 400 && status < 500 };
    }
    const enrolment = readEnrolment(body);
    if (enrolment === undefined)
      return { ok: false, reason: 'the bridge answers with no enrolment', final: true };
    return { ok: true, enrolment };
  } catch (error) {
    return { ok: false, reason: reasonOf(error), final: false };
  }
};

/**
 * Asks until the bridge answers: another may have to take over first. ENROLMENT_REFUSED when it says no. How long it may
 * take the agent decides, who ends an executor that has not subscribed.
 */
export const enrol = async ({ environment, clock, random, logger }: EnrolOptions): Promise<Enrolment> => {
  const { enrolment: place, agent: of } = environment;
  const { executorId, agentId } = of;
  const request = { token: place.token, executorId, agentId, nonce: random.uuid() };
  const times = { headersTimeout: PATIENCE_MS, bodyTimeout: PATIENCE_MS };
  const connect = { timeout: PATIENCE_MS, ...(place.ca !== undefined && { ca: place.ca }) };
  const agent = new Agent({ ...times, connect });
  try {
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      const attempt = await ask(place.url, request, agent);
      if (attempt.ok) return attempt.enrolment;
      const { reason } = attempt;
      if (attempt.final) throw new OutcryError('ENROLMENT_REFUSED', { executor: executorId, reason });
      logger.warn('enrolment-not-answered', { url: place.url, reason });
      await clock.sleep(wait * (0.75 + random.fraction() / 2));
    }
  } finally {
    await agent.close();
  }
};
