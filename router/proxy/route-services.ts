import type { RoutePool } from '../core/pool.js';
import { createPool, putAt } from '../core/pool.js';
import { ROUTE_SERVICE_UNSUPPORTED } from '../core/replies.js';
import type { RouterReply } from '../core/replies.js';
import {
  SERVICE_REQUEST_FAILED,
  WEBSOCKET_WITH_SERVICE,
  badSignature,
  forwardedUrlOf,
  mayHairpin,
  readServiceUrl,
  strayService,
} from '../core/route-service.js';
import type { RouteServiceRules, ServiceHeaders, ServiceTarget } from '../core/route-service.js';
import type { RouteTable } from '../core/route-table.js';
import type { Destination } from './route.js';
import type { ServiceSignatures } from './service-signature.js';

/** Where a request goes next, if its route has a service. */
export type ServiceStep =
  /** to its endpoints: there is no service, or the request comes from there */
  | { readonly kind: 'endpoints'; readonly returned: boolean }
  | {
      readonly kind: 'service';
      readonly headers: ServiceHeaders;
      readonly host: string;
      readonly target: string;
      /** who serves it: the service itself, or the endpoints of its route here */
      readonly pool: RoutePool;
      /** the service is reached outside, at this one address */
      readonly outside: boolean;
    }
  | { readonly kind: 'refused'; readonly reply: RouterReply };

export interface RouteServices {
  /** `upgrade`: the request wants to switch protocols */
  step(pool: RoutePool, destination: Destination, headers: ServiceHeaders, upgrade: boolean): ServiceStep;
  /** whether some route's service sent this: then what it says of the client is the router's own word */
  isFromService(headers: ServiceHeaders): boolean;
}

export interface RouteServicesOptions {
  readonly rules: RouteServiceRules;
  readonly table: Pick<RouteTable, 'lookup'>;
  readonly signatures: ServiceSignatures;
}

const TO_ENDPOINTS: ServiceStep = { kind: 'endpoints', returned: false };
const refused = (reply: RouterReply): ServiceStep => ({ kind: 'refused', reply });

/** A pool of one, so that requests to a service are sent, and sent again, as those to endpoints. */
const poolOf = ({ endpoint }: ServiceTarget, pool: RoutePool): RoutePool => {
  const alone = createPool(pool.key, 0);
  putAt(alone, 0, { endpoint, load: { inFlight: 0 }, refreshedAt: 0, failedAt: undefined, live: true });
  return alone;
};

const hostAndTarget = (url: string): { host: string; target: string } | undefined => {
  const [, host, target] = /^https?:\/\/([^/?#]+)([^#]*)/i.exec(url) ?? [];
  return host === undefined || target === undefined ? undefined : { host, target };
};

/** Sends requests by way of their route's service, and knows them when they come back. */
export const createRouteServices = ({ rules, table, signatures }: RouteServicesOptions): RouteServices => {
  /** the signed URL must lead to the route that the request is for: a signature opens no other one */
  const verifyFor = (pool: RoutePool, headers: ServiceHeaders): string | undefined => {
    const verified = signatures.verify(headers);
    if (!verified.ok) return verified.error;
    const signed = hostAndTarget(verified.value);
    const key = signed && table.lookup(signed.host, signed.target)?.key;
    const same = key?.host === pool.key.host && key.path === pool.key.path;
    return same ? undefined : 'the forwarded URL is that of another route';
  };

  const visit = (pool: RoutePool, { host, target }: Destination): ServiceStep => {
    const service = readServiceUrl(pool.routeServiceUrl);
    if (!service) return refused(SERVICE_REQUEST_FAILED);
    const here = mayHairpin(service.host, rules) ? table.lookup(service.host, service.target) : undefined;
    return {
      kind: 'service',
      headers: signatures.sign(forwardedUrlOf(host, target, rules)),
      host: service.host,
      target: service.target,
      pool: here ?? poolOf(service, pool),
      outside: here === undefined,
    };
  };

  const strayed = (headers: ServiceHeaders): ServiceStep => {
    if (!rules.strict || headers.signature === '') return TO_ENDPOINTS;
    const verified = signatures.verify(headers);
    return verified.ok ? TO_ENDPOINTS : refused(strayService(verified.error));
  };

  return {
    step(pool, destination, headers, upgrade) {
      if (pool.routeServiceUrl === '') return strayed(headers);
      if (rules.secrets.length === 0) return refused(ROUTE_SERVICE_UNSUPPORTED);
      if (upgrade && !rules.webSockets) return refused(WEBSOCKET_WITH_SERVICE);
      if (headers.signature === '') return visit(pool, destination);
      const problem = verifyFor(pool, headers);
      return problem === undefined ? { kind: 'endpoints', returned: true } : refused(badSignature(problem));
    },
    isFromService: (headers) =>
      headers.signature !== '' &&
      headers.forwardedUrl !== '' &&
      rules.secrets.length > 0 &&
      signatures.verify(headers).ok,
  };
};
