import { STATUS_CLASSES, statusClass } from '../core/status-class.js';
import type { StatusClass } from '../core/status-class.js';

/** Answers of endpoints, and of route services, where `xxx` means that none came about. */
type Answers = 'responses' | 'responses.route_services';

/** All of them, and by class. */
type AnswerCounters = Record<Answers | `${Answers}.${StatusClass}`, number>;

/** What the router has done since it started. Names as gorouter's metrics. */
export interface RouterCounters extends AnswerCounters {
  /** given to endpoints */
  total_requests: number;
  /** 400 and 404 of the router's own */
  rejected_requests: number;
  /** 502 of the router's own */
  bad_gateways: number;
  /** clients that left before their answer was through */
  cancelled_requests: number;
  /** refused since their `Content-Length` says nothing */
  empty_content_length_header: number;
  backend_exhausted_conns: number;
  /** the certificate is another instance's (503), is not trusted (526), or no handshake came about (525) */
  backend_invalid_id: number;
  backend_invalid_tls_cert: number;
  backend_tls_handshake_failed: number;
  websocket_upgrades: number;
  websocket_failures: number;
}

/** Their names, which are not to be put together for every answer. */
const namesOf = <A extends Answers>(of: A) =>
  Object.fromEntries(STATUS_CLASSES.map((group) => [group, `${of}.${group}`])) as Record<
    StatusClass,
    `${A}.${StatusClass}`
  >;

const NAMES = {
  responses: namesOf('responses'),
  'responses.route_services': namesOf('responses.route_services'),
};

const noAnswers = (): AnswerCounters =>
  Object.fromEntries(
    Object.entries(NAMES).flatMap(([of, names]) => [of, ...Object.values(names)].map((name) => [name, 0])),
  ) as AnswerCounters;

export const createCounters = (): RouterCounters => ({
  total_requests: 0,
  rejected_requests: 0,
  bad_gateways: 0,
  cancelled_requests: 0,
  empty_content_length_header: 0,
  backend_exhausted_conns: 0,
  backend_invalid_id: 0,
  backend_invalid_tls_cert: 0,
  backend_tls_handshake_failed: 0,
  websocket_upgrades: 0,
  websocket_failures: 0,
  ...noAnswers(),
});

/** `status` is 0 where there was no answer. */
export const countAnswer = (counters: RouterCounters, of: Answers, status: number): void => {
  counters[of] += 1;
  counters[NAMES[of][statusClass(status)]] += 1;
};
