import type { CallAnswer } from '../http/call-connection.js';

/** What became of a call that Mesos did not take. */
export interface CallFailure {
  /**
   * `lost`: there is no subscription any more, and the client subscribes anew; whether the call was carried out is unknown
   * where `status` is absent. `refused`: it was not carried out, and never will be as it stands. `temporary`: it was not
   * taken now. `unknown`: something failed over it, be it before, after or in between.
   */
  readonly kind: 'lost' | 'refused' | 'temporary' | 'unknown';
  readonly status?: number;
  readonly message: string;
}

/** What Mesos answers with 400 where nothing is wrong with the call, but with the subscription it belongs to. */
const OF_SUBSCRIPTION = /framework cannot be found|stream[ -]id/i;

/** The master does not lead, does not know these credentials or this stream, or is just starting. */
const LOST = new Set([307, 401, 403, 404]);
/** 503 is a master's that does not lead or is just starting, or a door's that reaches none. */
const TEMPORARY = new Set([408, 425, 429, 503]);
/** Of the faults of servers those that are told before anything is done. */
const NOT_DONE = new Set([501, 505]);

const kindOf = (status: number, text: string): CallFailure['kind'] => {
  if (LOST.has(status) || (status === 400 && OF_SUBSCRIPTION.test(text))) return 'lost';
  if (TEMPORARY.has(status)) return 'temporary';
  return status >= 500 && !NOT_DONE.has(status) ? 'unknown' : 'refused';
};

export const describeStatus = (status: number, text: string): string =>
  text === '' ? `status ${status}` : `status ${status}: ${text}`;

/** undefined: the call was taken */
export const failureOf = (answer: CallAnswer): CallFailure | undefined => {
  if (answer.is === 'broken') return { kind: 'lost', message: answer.reason };
  const { status, text } = answer;
  if (status >= 200 && status < 300) return undefined;
  return { kind: kindOf(status, text), status, message: text === '' ? `status ${status}` : text };
};
