import type { Context } from '../context.js';
import type { Route } from './resources.js';

const parse = (url: string | undefined): URL | undefined =>
  url !== undefined && URL.canParse(url) ? new URL(url) : undefined;

/** `a.localhost:8080/path` in its parts; the port may be missing. */
const partsOf = (route: string) => {
  const [, host = route, port = '', path = ''] = /^([^:/]+)(:\d+)?(\/.*)?$/.exec(route) ?? [];
  return { host, port, path };
};

/** How a route is reached: its URL, and a command for a machine that does not find its host. */
export const waysTo = async (context: Context, { url: route }: Route): Promise<string[]> => {
  const router = parse(context.api().router);
  const { host, port, path } = partsOf(route);
  const ownPort = router === undefined || router.port === '' ? '' : `:${router.port}`;
  const url = `http://${host}${port || ownPort}${path}`;
  if (router === undefined || host.includes('*') || (await context.resolves(host))) return [url];
  return [url, `curl -H 'Host: ${host}' ${router.origin}${path}`];
};
