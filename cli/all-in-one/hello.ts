import { lookup } from 'node:dns/promises';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { OutcryError } from '../../common/model/errors.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import type { Context } from '../context.js';
import { findApp, routesOf } from '../http/apps.js';
import { awaitStart } from '../push/await-start.js';
import { readManifest } from '../push/manifest.js';
import { pushApp } from '../push/push.js';

const EXAMPLE = 'examples/hello';

/** Long enough for a laptop that is busy with something else. */
const ANSWER_TIMEOUT_MS = 30_000;
const POLL_MS = 20;

export interface Site {
  /** `hello.localhost` */
  host: string;
  instances: number;
}

/** Pushes the example, or waits for it to be back when it was pushed before. */
export const ensureHello = async (context: Context): Promise<Site> => {
  const dir = join(packageRoot(), EXAMPLE);
  const [example] = readManifest(join(dir, 'manifest.yml')).apps;
  if (example === undefined) throw new OutcryError('PATH_NOT_FOUND', { path: EXAMPLE });
  const known = await findApp(context.api(), example.name);
  const app = known ?? (await pushApp(context, { app: example, dir, start: true }));
  if (known?.state === 'STARTED') context.note(`${known.name} was pushed before: bringing it back`);
  const stats = known?.state === 'STARTED' ? await awaitStart(context, app) : [];
  const [route] = await routesOf(context.api(), app);
  return {
    host: route?.url.replace(/:\d+$/, '') ?? '',
    instances: known === undefined ? Number(example.instances ?? 1) : stats.length,
  };
};

/** Through the router. */
const ask = (port: number, host: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, headers: { host }, agent: false, timeout: 5000 }, resolve);
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error('no answer within 5 s')));
  });

const fetchOnce = async (port: number, host: string): Promise<string> => {
  const response = await ask(port, host);
  const body = await text(response);
  return response.statusCode === 200 ? body : `status ${response.statusCode}: ${body}`;
};

/** Whether the router passes a request on, whatever the application makes of it. */
const routesTo = async (port: number, host: string): Promise<boolean> => {
  const response = await ask(port, host).catch(() => undefined);
  response?.resume();
  return response !== undefined && response.headers['x-cf-routererror'] === undefined;
};

/** Fetches the application's page through the router until every instance has answered. */
export const answersFromAll = async (context: Context, site: Site, port: number): Promise<void> => {
  const seen = new Set<string>();
  const deadline = context.elapsed() + ANSWER_TIMEOUT_MS;
  let last = 'nothing';
  while (seen.size < site.instances) {
    if (context.elapsed() > deadline) {
      const reason = `only instances ${[...seen].join(', ') || 'none'} of ${site.instances} answered; last: ${last}`;
      throw new OutcryError('START_FAILED', { app: site.host, reason });
    }
    last = await fetchOnce(port, site.host).catch((error: Error) => error.message);
    const [, instance] = /^Hello from instance (\d+)/.exec(last) ?? [];
    if (instance === undefined) await context.sleep(POLL_MS);
    else seen.add(instance);
  }
};

/**
 * Waits until the router knows the site, so that a URL which is printed works; right after a start it has yet to hear
 * of what runs. False after 30 s without.
 */
export const isRouted = async (context: Context, site: Site, port: number): Promise<boolean> => {
  const deadline = context.elapsed() + ANSWER_TIMEOUT_MS;
  while (!(await routesTo(port, site.host))) {
    if (context.elapsed() > deadline) return false;
    await context.sleep(POLL_MS);
  }
  return true;
};

/** How to reach the site: its URL, and a line for machines that do not resolve names below localhost. */
export const waysTo = async (site: Site, port: number): Promise<string[]> => {
  const url = `http://${site.host}:${port}`;
  const resolves = await lookup(site.host).then(
    () => true,
    () => false,
  );
  return resolves ? [url] : [url, `curl -H 'Host: ${site.host}' http://127.0.0.1:${port}`];
};
