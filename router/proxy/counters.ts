/** What the router has done since it started. Names as gorouter's metrics. */
export interface RouterCounters {
  /** given to endpoints */
  total_requests: number;
  /** 400 and 404 of the router's own */
  rejected_requests: number;
  /** 502 of the router's own */
  bad_gateways: number;
  /** clients that left before their answer was through */
  cancelled_requests: number;
  backend_exhausted_conns: number;
  /** the certificate is another instance's (503), is not trusted (526), or no handshake came about (525) */
  backend_invalid_id: number;
  backend_invalid_tls_cert: number;
  backend_tls_handshake_failed: number;
  websocket_upgrades: number;
  websocket_failures: number;
  /** answers of endpoints */
  responses: number;
  'responses.2xx': number;
  'responses.3xx': number;
  'responses.4xx': number;
  'responses.5xx': number;
  'responses.xxx': number;
}

export const createCounters = (): RouterCounters => ({
  total_requests: 0,
  rejected_requests: 0,
  bad_gateways: 0,
  cancelled_requests: 0,
  backend_exhausted_conns: 0,
  backend_invalid_id: 0,
  backend_invalid_tls_cert: 0,
  backend_tls_handshake_failed: 0,
  websocket_upgrades: 0,
  websocket_failures: 0,
  responses: 0,
  'responses.2xx': 0,
  'responses.3xx': 0,
  'responses.4xx': 0,
  'responses.5xx': 0,
  'responses.xxx': 0,
});

const CLASSES = [
  'responses.xxx',
  'responses.xxx',
  'responses.2xx',
  'responses.3xx',
  'responses.4xx',
  'responses.5xx',
] as const;

export const countResponse = (counters: RouterCounters, status: number): void => {
  counters.responses += 1;
  counters[CLASSES[Math.floor(status / 100)] ?? 'responses.xxx'] += 1;
};
