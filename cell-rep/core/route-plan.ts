import type { MetricTagValue, Routes } from '../../common/model/lrp.js';
import type { CfRoute, RouteRegistration } from '../../common/model/routing.js';
import type { ContainerPort } from './container-runtime.js';

/** An instance that may receive traffic. */
export interface RoutableInstance {
  processGuid: string;
  instanceGuid: string;
  index: number;
  logGuid: string;
  /** the cell's address */
  address: string;
  ports: ContainerPort[];
  routes: Routes;
  /** resolved */
  metricTags: Record<string, string>;
  zone: string;
}

const isRoute = (entry: unknown): entry is CfRoute => {
  if (typeof entry !== 'object' || entry === null) return false;
  const { hostnames, port } = entry as Partial<CfRoute>;
  return (
    Array.isArray(hostnames) && hostnames.every((name) => typeof name === 'string') && Number.isInteger(port)
  );
};

/** The HTTP routes of an LRP. Routes are opaque text to everybody else, so nonsense is left out here. */
export const cfRoutes = (routes: Routes): CfRoute[] => {
  const text = routes['cf-router'];
  if (text === undefined) return [];
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.filter(isRoute) : [];
  } catch {
    return [];
  }
};

const registration = (
  instance: RoutableInstance,
  route: CfRoute,
  at: { hostname: string; hostPort: number },
) => ({
  host: instance.address,
  port: at.hostPort,
  uris: [at.hostname],
  ...(route.protocol ? { protocol: route.protocol } : {}),
  ...(instance.logGuid ? { app: instance.logGuid } : {}),
  ...(route.route_service_url ? { route_service_url: route.route_service_url } : {}),
  ...(route.isolation_segment ? { isolation_segment: route.isolation_segment } : {}),
  private_instance_id: instance.instanceGuid,
  private_instance_index: String(instance.index),
  server_cert_domain_san: instance.instanceGuid,
  tags: { ...instance.metricTags, component: 'route-emitter' },
  ...(instance.zone ? { availability_zone: instance.zone } : {}),
  ...(route.options ? { options: route.options } : {}),
});

/** One message per endpoint and host name, as Diego's route emitter. Routes to unmapped ports have no endpoint. */
export const registrations = (instance: RoutableInstance): RouteRegistration[] =>
  cfRoutes(instance.routes).flatMap((route) => {
    const mapping = instance.ports.find(({ containerPort }) => containerPort === route.port);
    if (mapping === undefined) return [];
    return route.hostnames.map((hostname) =>
      registration(instance, route, { hostname, hostPort: mapping.hostPort }),
    );
  });

/** What identifies a registration at a router: the endpoint and the route. */
export const registrationKey = ({ host, port, uris }: RouteRegistration): string =>
  `${host}:${port ?? 0} ${uris.join(',')}`;

/** Metric tags with their dynamic values filled in for one instance. */
export const resolveMetricTags = (
  tags: Record<string, MetricTagValue>,
  instance: { index: number; guid: string },
): Record<string, string> => {
  const value = (tag: MetricTagValue): string => {
    if (tag.dynamic === 'INDEX') return String(instance.index);
    return tag.dynamic === 'INSTANCE_GUID' ? instance.guid : tag.static;
  };
  return Object.fromEntries(Object.entries(tags).map(([name, tag]) => [name, value(tag)]));
};

/** The emitter's own tempo: Diego's defaults. */
export const EMISSION = {
  /** ms between registrations until a router has named its interval */
  intervalMs: 20_000,
  /** ms between repetitions of an unregistration that nobody acknowledged, and how many */
  repeatUnregisterMs: 30_000,
  repeatUnregisterTimes: 20,
  /** ms between greetings until a router answers, and how many */
  greetMs: 1_000,
  greetTimes: 30,
} as const;
