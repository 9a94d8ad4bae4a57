import { parseImage } from '../../common/model/image.js';
import { readCount, readSize, usageError } from '../args.js';
import type { ManifestApp } from './manifest.js';

export const USAGE = 'push [DIR | NAME -o IMAGE] [OPTIONS]';

export const OPTIONS = {
  name: { type: 'string' },
  'docker-image': { type: 'string', short: 'o' },
  'docker-username': { type: 'string' },
  instances: { type: 'string', short: 'i' },
  memory: { type: 'string', short: 'm' },
  disk: { type: 'string', short: 'k' },
  command: { type: 'string', short: 'c' },
  'health-check-type': { type: 'string', short: 'u' },
  endpoint: { type: 'string' },
  timeout: { type: 'string', short: 't' },
  manifest: { type: 'string', short: 'f' },
  'no-manifest': { type: 'boolean' },
  'no-start': { type: 'boolean' },
  'no-route': { type: 'boolean' },
  'random-route': { type: 'boolean' },
} as const;

export const MEANINGS = [
  ['DIR', 'the directory to push; without: the current one'],
  ['--name APP', "its name; without: the manifest's, or the directory's"],
  ['-o IMAGE', 'run this Docker image instead of a directory; the word before it is the name'],
  ['--docker-username NAME', 'for a registry that asks for one: not served yet'],
  ['-i INSTANCES', 'how many'],
  ['-m MEMORY', 'memory of each, such as 256M or 1G'],
  ['-k DISK', 'disk of each'],
  ['-c COMMAND', "start command; 'null' takes an earlier one back"],
  ['-u TYPE', 'health check: port, process or http'],
  ['--endpoint PATH', 'what an http health check asks for'],
  ['-t SECONDS', 'how long an instance may take to become healthy'],
  ['-f MANIFEST', 'the manifest; without: manifest.yml of the directory'],
  ['--no-manifest', 'read no manifest'],
  ['--no-start', 'leave it stopped'],
  ['--no-route', 'give it no URL'],
  ['--random-route', 'give it a URL that nobody guesses'],
] as const;

type OptionName = keyof typeof OPTIONS;
export type Values = { [K in OptionName]?: (typeof OPTIONS)[K]['type'] extends 'boolean' ? boolean : string };

const HEALTH_CHECKS = ['port', 'process', 'http', 'none'];

/** As the cf CLI: both words take back what was set before. */
const commandOf = (command: string | undefined): string | null | undefined =>
  command === 'null' || command === 'default' ? null : command;

const sizeOf = (text: string | undefined, name: string): string | undefined => {
  const megabytes = readSize(text, { name, usage: USAGE });
  return megabytes === undefined ? undefined : `${megabytes}M`;
};

const healthCheckOf = (type: string | undefined): string | undefined => {
  if (type === undefined || HEALTH_CHECKS.includes(type)) return type;
  throw usageError(USAGE, `-u takes port, process or http, not '${type}'`);
};

const endpointOf = (path: string | undefined): string | undefined => {
  if (path === undefined || path.startsWith('/')) return path;
  throw usageError(USAGE, `--endpoint takes a path that starts with /, not '${path}'`);
};

const imageOf = (image: string | undefined): { image: string } | undefined => {
  if (image === undefined) return undefined;
  const parsed = parseImage(image);
  if (!parsed.ok) throw usageError(USAGE, `-o ${parsed.error}, not '${image}'`);
  return { image };
};

const given = <T extends object>(values: T): Partial<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;

/** What options say of the web process, under the manifest's keys. */
const processKeys = (values: Values): Record<string, unknown> =>
  given({
    command: commandOf(values.command),
    instances: readCount(values.instances, { name: '-i', min: 0, max: 100_000, usage: USAGE }),
    memory: sizeOf(values.memory, '-m'),
    'disk-quota': sizeOf(values.disk, '-k'),
    'health-check-type': healthCheckOf(values['health-check-type']),
    'health-check-http-endpoint': endpointOf(values.endpoint),
    timeout: readCount(values.timeout, { name: '-t', min: 1, max: 86_400, usage: USAGE }),
  });

/** What options say of the application itself: all of its routes. */
const routeKeys = (app: ManifestApp, values: Values): ManifestApp => {
  const { 'no-route': noRoute, 'random-route': randomRoute } = values;
  if (noRoute && randomRoute) throw usageError(USAGE, '--no-route and --random-route exclude each other');
  if (!noRoute && !randomRoute) return app;
  const { 'no-route': _no, 'random-route': _random, 'default-route': _default, ...rest } = app;
  return { ...rest, name: app.name, ...(noRoute ? { 'no-route': true } : { 'random-route': true }) };
};

/** One of two spellings, so that an option replaces either. */
const oneSpelling = <T extends Record<string, unknown>>({ disk_quota: disk, ...rest }: T) => ({
  ...rest,
  ...(disk === undefined ? {} : { 'disk-quota': disk }),
});

const isWeb = (process: unknown): boolean => (process as { type?: unknown }).type === 'web';

/** An application as its manifest and the options have it; options win. */
export const withOptions = (app: ManifestApp, values: Values): ManifestApp => {
  const keys = processKeys(values);
  const docker = imageOf(values['docker-image']);
  const named = {
    ...oneSpelling(routeKeys(app, values)),
    name: values.name ?? app.name,
    ...(docker === undefined ? {} : { docker }),
  };
  const processes = (app.processes as Record<string, unknown>[] | undefined)?.map(oneSpelling);
  if (processes === undefined) return { ...named, ...keys };
  // a `web` entry wins over the application's own keys
  if (!processes.some(isWeb)) return { ...named, ...keys, processes };
  return {
    ...named,
    processes: processes.map((process) => (isWeb(process) ? { ...process, ...keys } : process)),
  };
};

/** Options that are about how to push, not about one application. */
const GENERAL: readonly string[] = ['name', 'manifest', 'no-manifest', 'no-start'];

/** Whether an option speaks of one application. */
export const speaksOfOne = (values: Values): boolean =>
  Object.entries(values).some(([name, value]) => value !== undefined && !GENERAL.includes(name));
