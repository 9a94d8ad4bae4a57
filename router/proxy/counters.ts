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
  /** refused since their `Content-Length` says nothing */
  empty_content_length_header: number;
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
  /** those of route services; xxx: none came about */
  'responses.route_services': number;
  'responses.route_services.2xx': number;
  'responses.route_services.3xx': number;
  'responses.route_services.4xx': number;
  'responses.route_services.5xx': number;
  'responses.route_services.xxx': number;
}

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
  responses: 0,
  'responses.2xx': 0,
  'responses.3xx': 0,
  'responses.4xx': 0,
  'responses.5xx': 0,
  'responses.xxx': 0,
  'responses.route_services': 0,
  'responses.route_services.2xx': 0,
  'responses.route_services.3xx': 0,
  'responses.route_services.4xx': 0,
  'responses.route_services.5xx': 0,
  'responses.route_services.xxx': 0,
});

const CLASSES = ['xxx', 'xxx', '2xx', '3xx', '4xx', '5xx'] as const;
const OF_ALL = CLASSES.map((name) => `responses.${name}` as const);
const OF_SERVICES = CLASSES.map((name) => `responses.route_services.${name}` as const);

export const countResponse = (counters: RouterCounters, status: number): void => {
  counters.responses += 1;
  counters[OF_ALL[Math.floor(status / 100)] ?? 'responses.xxx'] += 1;
};

/** `status` is 0 where a route service gave no answer. */
export const countServiceResponse = (counters: RouterCounters, status: number): void => {
  counters['responses.route_services'] += 1;
  counters[OF_SERVICES[Math.floor(status / 100)] ?? 'responses.route_services.xxx'] += 1;
};
