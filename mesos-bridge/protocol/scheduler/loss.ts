import { OutcryError } from '../../../common/model/errors.js';
import type { StreamEnd } from '../http/stream.js';
import { describeStatus } from './answers.js';

/** Why there is no subscription. */
export interface Loss {
  /**
   * `unreachable`, `unavailable` (starting, no leader, 5xx), `redirected` (in a circle, or to nowhere), `credentials` (401,
   * 403), `refused` (4xx, or an ERROR event): there never was one. `ended`, `cut`, `silent`, `unreadable`, `call` (a call
   * showed it), `superseded` (another one subscribed with this id), `renewed` (asked for), `moved` (another master leads):
   * there was one. `removed`: the framework is no more. `leaderless`: there is no master to try.
   */
  readonly kind:
    | 'unreachable'
    | 'unavailable'
    | 'redirected'
    | 'credentials'
    | 'refused'
    | 'ended'
    | 'cut'
    | 'silent'
    | 'unreadable'
    | 'call'
    | 'superseded'
    | 'renewed'
    | 'moved'
    | 'removed'
    | 'leaderless';
  /** with its code, for the log and for people */
  readonly error: OutcryError;
}

/** Of whom it is told. */
export interface Told {
  /** `http://host:port` */
  readonly server: string;
  readonly principal: string;
}

const lost = (kind: Loss['kind'], server: string, reason: string): Loss => ({
  kind,
  error: new OutcryError('MESOS_SUBSCRIPTION_LOST', { server, reason }),
});

export const lostBy = (
  kind: 'call' | 'superseded' | 'renewed' | 'moved',
  server: string,
  reason: string,
): Loss => lost(kind, server, reason);

export const unreadable = (server: string, reason: string): Loss => ({
  kind: 'unreadable',
  error: new OutcryError('MESOS_STREAM_UNREADABLE', { server, reason }),
});

export const leaderless = (reason: string): Loss => ({
  kind: 'leaderless',
  error: new OutcryError('MESOS_LEADER_UNKNOWN', { reason }),
});

export const redirected = (hops: readonly string[]): Loss => ({
  kind: 'redirected',
  error: new OutcryError('MESOS_REDIRECTED_TOO_OFTEN', { hops: hops.join(' → ') }),
});

const unreachable = (server: string, reason: string): Loss => ({
  kind: 'unreachable',
  error: new OutcryError('MESOS_UNREACHABLE', { server, reason }),
});

/** Another status than 200 where a stream was asked for. */
const answered = (status: number, text: string, { server, principal }: Told): Loss => {
  if (status === 401 || status === 403) {
    const error = new OutcryError('MESOS_CREDENTIALS_REFUSED', { server, principal, status, reason: text });
    return { kind: 'credentials', error };
  }
  const reason = describeStatus(status, text);
  // 404: the process has not set up its paths yet
  if (status >= 500 || status === 404 || status === 429) {
    return { ...unreachable(server, reason), kind: 'unavailable' };
  }
  return { kind: 'refused', error: new OutcryError('MESOS_SUBSCRIPTION_REFUSED', { server, reason }) };
};

/** The event ERROR: always the end of the subscription. */
export const lossByErrorEvent = (message: string, server: string, framework: string): Loss => {
  if (/framework has been removed/i.test(message)) {
    const error = new OutcryError('MESOS_FRAMEWORK_REMOVED', { server, framework, reason: message });
    return { kind: 'removed', error };
  }
  if (/framework failed over/i.test(message)) return lost('superseded', server, message);
  return {
    kind: 'refused',
    error: new OutcryError('MESOS_SUBSCRIPTION_REFUSED', { server, reason: message }),
  };
};

export const lossByEnd = (end: Exclude<StreamEnd, { is: 'stopped' }>, told: Told): Loss => {
  const { server } = told;
  switch (end.is) {
    case 'answered':
      return answered(end.status, end.text, told);
    case 'unreachable':
      return unreachable(server, end.reason);
    case 'ended':
      return lost('ended', server, 'Mesos ended the stream');
    case 'cut':
      return lost('cut', server, end.reason);
    case 'silent':
      return lost('silent', server, `nothing was heard for ${end.ms / 1000} s`);
    case 'unreadable':
      return unreadable(server, end.reason);
  }
};
