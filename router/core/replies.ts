import { FAILURE_RULES } from './failures.js';
import type { FailureKind } from './failures.js';

/** A response that the router makes itself. */
export interface RouterReply {
  readonly status: number;
  /** value of `X-Cf-RouterError`; absent on healthy answers */
  readonly routerError?: string;
  readonly cacheControl?: string;
  readonly expires?: string;
  /** the connection ends with this answer */
  readonly closes?: true;
  /** the whole text, line end included; '' sends none */
  readonly body: string;
  /** what a page of HTML tells instead of the text, where the router has one */
  readonly message?: string;
}

/** What a page may tell as well as a line of text. */
export const told = (
  status: number,
  statusText: string,
  message: string,
): Required<Pick<RouterReply, 'status' | 'body' | 'message'>> => ({
  status,
  message,
  body: `${status} ${statusText}: ${message}\n`,
});

const NO_STORE = 'no-cache, no-store';
const BRIEFLY = 'public,max-age=2';

/** What a header value may hold; everything else would end the header early. */
const headerSafe = (text: string): string => text.replace(/[^\x20-\x7e]+/g, ' ').trim();

export const unknownRoute = (host: string): RouterReply => ({
  ...told(404, 'Not Found', `Requested route ('${host}') does not exist.`),
  routerError: 'unknown_route',
  cacheControl: NO_STORE,
});

export const noEndpoints = (host: string): RouterReply => ({
  ...told(503, 'Service Unavailable', `Requested route ('${host}') has no available endpoints.`),
  routerError: 'no_endpoints',
  cacheControl: BRIEFLY,
});

export const connectionLimit = (host: string): RouterReply => ({
  ...told(503, 'Service Unavailable', `Requested route ('${host}') has reached the connection limit.`),
  routerError: 'Connection Limit Reached',
});

export const EMPTY_HOST: RouterReply = {
  ...told(400, 'Bad Request', 'Request had empty Host header'),
  routerError: 'empty_host',
  cacheControl: BRIEFLY,
};

export const INVALID_APP_INSTANCE: RouterReply = {
  ...told(400, 'Bad Request', 'Invalid X-CF-App-Instance Header'),
  routerError: 'invalid_cf_app_instance_header',
  cacheControl: NO_STORE,
};

export const INVALID_PROCESS_INSTANCE: RouterReply = {
  ...told(400, 'Bad Request', 'Invalid X-CF-Process-Instance Header'),
  routerError: 'invalid_cf_process_instance_header',
  cacheControl: NO_STORE,
};

const unknownInstance = (which: string, host: string): RouterReply => ({
  ...told(400, 'Bad Request', `Requested instance ${which} does not exist for route ('${host}')`),
  routerError: 'unknown_route',
  cacheControl: NO_STORE,
});

export const appInstanceUnknown = (guid: string, index: string, host: string): RouterReply =>
  unknownInstance(`('${index}') with guid ('${guid}')`, host);

export const processInstanceUnknown = (guid: string, index: string | undefined, host: string): RouterReply =>
  unknownInstance(`${index === undefined ? '' : `('${index}') `}with process guid ('${guid}')`, host);

export const ROUTE_SERVICE_UNSUPPORTED: RouterReply = {
  ...told(502, 'Bad Gateway', 'Support for route services is disabled.'),
  routerError: 'route_service_unsupported',
};

/** Requests that could be read in two ways, or that HTTP/1.1 has no words for. */
export const BAD_REQUEST: RouterReply = { status: 400, closes: true, body: '400 Bad Request\n' };
export const UNSUPPORTED_ENCODING: RouterReply = {
  status: 501,
  closes: true,
  body: '501 Not Implemented: Unsupported transfer encoding\n',
};

export const HEADERS_TOO_LARGE: RouterReply = {
  status: 431,
  closes: true,
  routerError: 'max-request-size-exceeded',
  body: '',
};

export const UNKNOWN_FAILURE: RouterReply = {
  status: 502,
  routerError: 'unknown_failure',
  closes: true,
  body: '',
};

/** The one instance that may serve a request is not there, or has as many as it may. */
export const INSTANCE_GONE: RouterReply = {
  status: 502,
  routerError: 'endpoint_failure (No endpoints available)',
  body: `${FAILURE_RULES.other.message}\n`,
};

/** `detail` is the failure in Go's words, as gorouter shows it: log analysis looks for them. */
export const endpointFailure = (kind: FailureKind, detail: string): RouterReply => {
  const { status, message } = FAILURE_RULES[kind];
  return { status, routerError: `endpoint_failure (${headerSafe(detail)})`, body: `${message}\n` };
};

/** What a load balancer's probe gets. */
export const healthReply = (healthy: boolean): RouterReply => ({
  status: healthy ? 200 : 503,
  cacheControl: 'private, max-age=0',
  expires: '0',
  closes: true,
  body: healthy ? 'ok\n' : '',
});
