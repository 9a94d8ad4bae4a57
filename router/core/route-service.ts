import type { Endpoint } from './endpoint.js';
import { told } from './replies.js';
import type { RouterReply } from './replies.js';
import { hostWithoutPort } from './route-key.js';

/** What a request carries on its way to a route service and back. */
export interface ServiceHeaders {
  /** '' when absent, as the others */
  readonly signature: string;
  readonly metadata: string;
  readonly forwardedUrl: string;
}

/** How requests go by way of route services; decided by configuration. */
export interface RouteServiceRules {
  /** secrets that signatures are made with, the current one first; empty when there are no route services */
  readonly secrets: readonly string[];
  /** ms for which a signature is good */
  readonly timeoutMs: number;
  readonly recommendHttps: boolean;
  readonly maxAttempts: number;
  /** signatures on routes without a service are looked at too */
  readonly strict: boolean;
  /** requests that switch protocols may go by way of a service too */
  readonly webSockets: boolean;
  /** services that have a route here are reached directly */
  readonly hairpinning: boolean;
  /** hosts, or `*.` and a domain, for which that is so; empty for all */
  readonly hairpinHosts: readonly string[];
}

const BAD_SIGNATURE = 'Failed to validate Route Service Signature';

export const EXPIRED = 'route service request expired';

export const WEBSOCKET_WITH_SERVICE: RouterReply = {
  ...told(
    503,
    'Service Unavailable',
    'Websocket requests are not supported for routes bound to Route Services.',
  ),
  routerError: 'route_service_unsupported',
};

export const SERVICE_REQUEST_FAILED: RouterReply = told(
  500,
  'Internal Server Error',
  'Route service request failed.',
);

const expired = (): RouterReply => ({
  ...told(504, 'Gateway Timeout', `${BAD_SIGNATURE}: ${EXPIRED}`),
  routerError: 'expired_route_service_signature',
});

/** For a request that says it comes from its route's service. */
export const badSignature = (problem: string): RouterReply =>
  problem === EXPIRED
    ? expired()
    : {
        ...told(502, 'Bad Gateway', `${BAD_SIGNATURE}: ${problem}`),
        routerError: 'invalid_route_service_signature',
      };

/** For a request that says so though its route has none. */
export const strayService = (problem: string): RouterReply =>
  problem === EXPIRED
    ? expired()
    : {
        ...told(400, 'Bad Request', 'invalid route service signature detected'),
        routerError: 'invalid_route_service_signature',
      };

/** Where the service is to send the request back to. */
export const forwardedUrlOf = (host: string, target: string, { recommendHttps }: RouteServiceRules): string =>
  `${recommendHttps ? 'https' : 'http'}://${hostWithoutPort(host)}${target}`;

/** A route service, as far as requests are sent to it. */
export interface ServiceTarget {
  readonly endpoint: Endpoint;
  /** host and, unless it is the usual one, port */
  readonly host: string;
  /** path and query */
  readonly target: string;
}

/** Undefined when that is no URL. */
export const readServiceUrl = (url: string): ServiceTarget | undefined => {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, host, port, pathname, search } = new URL(url);
  if (protocol !== 'https:' || hostname === '') return undefined;
  const portNumber = port === '' ? 443 : Number(port);
  return {
    host,
    target: pathname + search,
    endpoint: {
      ...{ address: `${hostname}:${portNumber}`, host: hostname, port: portNumber, tls: true },
      ...{ certName: '', app: '', instanceId: '', instanceIndex: '', protocol: 'http1' },
      ...{ isolationSegment: '', availabilityZone: '', routeServiceUrl: '', loadBalancing: '' },
      ...{ hashHeader: '', hashBalance: 0, staleMs: 0, tags: {} },
    },
  };
};

/** Whether requests to a service of that host may be kept in this router. */
export const mayHairpin = (host: string, { hairpinning, hairpinHosts }: RouteServiceRules): boolean => {
  if (!hairpinning) return false;
  const name = hostWithoutPort(host);
  const dot = name.indexOf('.');
  return (
    hairpinHosts.length === 0 ||
    hairpinHosts.includes(name) ||
    (dot !== -1 && hairpinHosts.includes(`*${name.slice(dot)}`))
  );
};
