/** What a route is known by: lower-case host without port, and path without trailing slash ('' for the root). */
export interface RouteKey {
  readonly host: string;
  readonly path: string;
}

/** `Host` as routes know it: lower case, without the port. */
export const hostWithoutPort = (host: string): string => {
  const lower = host.toLowerCase();
  // an IPv6 literal has colons of its own: only what follows the bracket is a port
  const end = lower.startsWith('[') ? lower.indexOf(']') : -1;
  const colon = lower.indexOf(':', end + 1);
  return colon === -1 ? lower : lower.slice(0, colon);
};

const withoutQuery = (target: string): string => {
  const end = target.search(/[?#]/);
  return end === -1 ? target : target.slice(0, end);
};

/** Path of a request target as routes know it. */
export const routePath = (target: string): string => withoutQuery(target).toLowerCase().replace(/\/+$/, '');

/** Reads an entry of a registration's `uris`: `app.example.com`, `app.example.com/path`, `*.example.com`. */
export const parseRouteKey = (uri: string): RouteKey => {
  const bare = withoutQuery(uri);
  const slash = bare.indexOf('/');
  if (slash === -1) return { host: hostWithoutPort(bare), path: '' };
  return { host: hostWithoutPort(bare.slice(0, slash)), path: routePath(bare.slice(slash)) };
};

export const formatRouteKey = (key: RouteKey): string => key.host + key.path;

/** `/a/b` → `['a', 'b']`; the root has none. */
export const pathSegments = (path: string): string[] => (path === '' ? [] : path.slice(1).split('/'));

/** `a.b.c` → `*.b.c` → `*.c` → undefined. */
export const nextWildcard = (host: string): string | undefined => {
  const bare = host.startsWith('*.') ? host.slice(2) : host;
  const dot = bare.indexOf('.');
  return dot === -1 ? undefined : `*${bare.slice(dot)}`;
};
