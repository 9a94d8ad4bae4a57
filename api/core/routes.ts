import type { CfRoute } from '../../common/model/routing.js';
import type { Result } from '../../common/model/result.js';
import { ok } from '../../common/model/result.js';
import { DEFAULT_PORT, firstPort } from './droplet-image.js';
import type { ApiFailure } from './failure.js';
import { notFound, refuseCoded, unprocessable } from './failure.js';
import { hostLabel, isHost, isRoutePath } from '../../common/model/names.js';
import type { AppRow, Context, Destination, DomainRow, ReadTables, RouteRow, WriteTables } from './rows.js';
import { indexKey } from './rows.js';

export interface RouteAddress {
  domainGuid: string;
  host: string;
  path: string;
}

export const domainNamed = (tables: ReadTables, name: string): DomainRow | undefined => {
  for (const [, domain] of tables.domains.entries()) if (domain.name === name) return domain;
  return undefined;
};

export const routeUrl = (tables: ReadTables, route: RouteAddress): string => {
  const domain = tables.domains.get(route.domainGuid)?.name ?? '';
  return `${route.host === '' ? '' : `${route.host}.`}${domain}${route.path}`;
};

const checkAddress = (address: RouteAddress): Result<RouteAddress, ApiFailure[]> => {
  if (!isHost(address.host)) {
    return refuseCoded('ROUTE_INVALID', { route: address.host, reason: 'the host is not a valid host name' });
  }
  if (!isRoutePath(address.path)) {
    return refuseCoded('ROUTE_INVALID', {
      route: address.path,
      reason: 'the path must start with / and hold no ? or #',
    });
  }
  return ok(address);
};

/** Splits `host.domain/path` at the longest known domain. */
export const parseRoute = (tables: ReadTables, route: string): Result<RouteAddress, ApiFailure[]> => {
  const slash = route.indexOf('/');
  const fqdn = (slash === -1 ? route : route.slice(0, slash)).toLowerCase();
  const path = slash === -1 ? '' : route.slice(slash);
  const domain = [...tables.domains.entries()]
    .map(([, row]) => row)
    .filter((row) => fqdn.endsWith(`.${row.name}`))
    .sort((a, b) => b.name.length - a.name.length)[0];
  if (!domain) return unprocessable(`The route '${route}' did not match any existing domains.`);
  const host = fqdn.slice(0, -(domain.name.length + 1));
  return checkAddress({ domainGuid: domain.guid, host, path: path === '/' ? '' : path });
};

const findRoute = (tables: ReadTables, address: RouteAddress): RouteRow | undefined => {
  for (const route of tables.routes.byIndex('url', indexKey.routeUrl(address))) return route;
  return undefined;
};

export const createRoute = (
  tables: WriteTables,
  context: Context,
  input: RouteAddress & { spaceGuid: string; options: Record<string, string> },
): Result<RouteRow, ApiFailure[]> => {
  if (!tables.domains.get(input.domainGuid)) {
    return unprocessable(`Invalid domain. Ensure that the domain exists and you have access to it.`);
  }
  const address = checkAddress(input);
  if (!address.ok) return address;
  if (findRoute(tables, input)) {
    return unprocessable(`Route already exists with host '${input.host}' and path '${input.path}'.`);
  }
  const route: RouteRow = {
    guid: context.newGuid(),
    spaceGuid: input.spaceGuid,
    domainGuid: input.domainGuid,
    host: input.host,
    path: input.path,
    options: input.options,
    destinations: [],
    createdAt: context.now,
    updatedAt: context.now,
  };
  tables.routes.put(route.guid, route);
  return ok(route);
};

export interface DestinationWish {
  appGuid: string;
  processType: string;
  /** absent = the app's first */
  port?: number;
  protocol: string;
}

const sameTarget = (a: Omit<Destination, 'guid'>, b: Omit<Destination, 'guid'>): boolean =>
  a.appGuid === b.appGuid && a.processType === b.processType && a.port === b.port;

/** Adds destinations; those that are there already stay as they are. */
export const addDestinations = (
  tables: WriteTables,
  context: Context,
  input: { route: RouteRow; wishes: readonly DestinationWish[] },
): Result<RouteRow, ApiFailure[]> => {
  const destinations = [...input.route.destinations];
  for (const wish of input.wishes) {
    const app = tables.apps.get(wish.appGuid);
    if (!app) {
      return unprocessable(`App(s) with guid(s) "${wish.appGuid}" do not exist or you do not have access.`);
    }
    // which port an image listens on is known once it is staged
    const target = { ...wish, port: wish.port ?? (app.lifecycle === 'docker' ? 0 : DEFAULT_PORT) };
    if (!destinations.some((known) => sameTarget(known, target))) {
      destinations.push({ guid: context.newGuid(), ...target });
    }
  }
  const route = { ...input.route, destinations, updatedAt: context.now };
  tables.routes.put(route.guid, route);
  return ok(route);
};

export const removeDestination = (
  tables: WriteTables,
  context: Context,
  input: { route: RouteRow; destinationGuid: string },
): Result<Destination, ApiFailure[]> => {
  const gone = input.route.destinations.find((known) => known.guid === input.destinationGuid);
  if (!gone)
    return unprocessable(
      'Unable to unmap route from destination. Ensure the route has a destination with this guid.',
    );
  const destinations = input.route.destinations.filter((known) => known !== gone);
  tables.routes.put(input.route.guid, { ...input.route, destinations, updatedAt: context.now });
  return ok(gone);
};

export const routesOf = (tables: ReadTables, appGuid: string): RouteRow[] => {
  const found: RouteRow[] = [];
  for (const [, route] of tables.routes.entries()) {
    if (route.destinations.some((destination) => destination.appGuid === appGuid)) found.push(route);
  }
  return found.sort((a, b) =>
    a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : a.guid < b.guid ? -1 : 1,
  );
};

/** Takes an app off all of its routes; a route without destinations stays, as in Cloud Foundry. */
export const unmapApp = (tables: WriteTables, context: Context, appGuid: string): void => {
  for (const route of routesOf(tables, appGuid)) {
    const destinations = route.destinations.filter((destination) => destination.appGuid !== appGuid);
    tables.routes.put(route.guid, { ...route, destinations, updatedAt: context.now });
  }
};

/** Maps an app to an address, making the route where it is missing. */
export const mapAddress = (
  tables: WriteTables,
  context: Context,
  input: { app: AppRow; address: RouteAddress; protocol: string; options: Record<string, string> },
): Result<RouteRow, ApiFailure[]> => {
  const found = findRoute(tables, input.address);
  const created = found
    ? ok(found)
    : createRoute(tables, context, {
        ...input.address,
        spaceGuid: input.app.spaceGuid,
        options: input.options,
      });
  if (!created.ok) return created;
  const wish = { appGuid: input.app.guid, processType: 'web', protocol: input.protocol };
  return addDestinations(tables, context, { route: created.value, wishes: [wish] });
};

/** The route an app gets when it names none: its name under the apps domain, with a random tail if asked for. */
export const defaultAddress = (
  tables: ReadTables,
  context: Context,
  input: { app: AppRow; random: boolean },
): Result<RouteAddress, ApiFailure[]> => {
  const domain = domainNamed(tables, context.settings.appsDomain);
  if (!domain) return notFound('Domain');
  const tail = input.random ? `-${context.newGuid().slice(0, 8)}` : '';
  return checkAddress({ domainGuid: domain.guid, host: `${hostLabel(input.app.name)}${tail}`, path: '' });
};

/** An LRP's `cf-router` data: one entry per port and protocol, in a stable order so that texts can be compared. */
export const cfRoutes = (tables: ReadTables, process: { appGuid: string; type: string }): CfRoute[] => {
  const entries = new Map<string, CfRoute>();
  const own = firstPort(tables.droplets.get(tables.apps.get(process.appGuid)?.startedDropletGuid ?? ''));
  for (const route of routesOf(tables, process.appGuid)) {
    for (const { appGuid, processType, port: named, protocol } of route.destinations) {
      if (appGuid !== process.appGuid || processType !== process.type) continue;
      const port = named || own;
      const options = route.options['loadbalancing'];
      const key = `${port} ${protocol} ${options ?? ''}`;
      const entry: CfRoute = entries.get(key) ?? {
        hostnames: [],
        port,
        ...(protocol === 'http1' ? {} : { protocol }),
        ...(options === undefined ? {} : { options: { loadbalancing: options } }),
      };
      entry.hostnames.push(routeUrl(tables, route));
      entries.set(key, entry);
    }
  }
  return [...entries.values()].map((entry) => ({
    ...entry,
    hostnames: [...new Set(entry.hostnames)].sort(),
  }));
};
