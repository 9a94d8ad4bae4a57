import { resolve } from 'node:path';
import { OutcryError } from '../../common/model/errors.js';
import { readArgs, readCount } from '../args.js';
import type { Command, Context } from '../context.js';
import { type ManifestApp, findManifest, sourceDir } from '../push/manifest.js';
import { pushApp } from '../push/push.js';
import { showApp } from './app.js';

const USAGE =
  'push DIR [--name APP] [-i INSTANCES] [-m MEMORY] [-k DISK] [-c COMMAND] [-u port|process|http] [-f MANIFEST] [--no-start] [--no-route] [--random-route]';

const OPTIONS = {
  name: { type: 'string' },
  instances: { type: 'string', short: 'i' },
  memory: { type: 'string', short: 'm' },
  disk: { type: 'string', short: 'k' },
  command: { type: 'string', short: 'c' },
  'health-check-type': { type: 'string', short: 'u' },
  endpoint: { type: 'string' },
  timeout: { type: 'string', short: 't' },
  manifest: { type: 'string', short: 'f' },
  'no-start': { type: 'boolean' },
  'no-route': { type: 'boolean' },
  'random-route': { type: 'boolean' },
} as const;

type Values = Partial<Record<keyof typeof OPTIONS, string | boolean>>;

const text = (values: Values, name: keyof typeof OPTIONS): string | undefined => {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
};

/** What the options put over the manifest, under the manifest's keys. */
const overrides = (values: Values): Record<string, unknown> => {
  const count = (name: 'instances' | 'timeout', max: number) =>
    readCount(text(values, name), { name: `--${name}`, min: name === 'timeout' ? 1 : 0, max, usage: USAGE });
  const given = {
    instances: count('instances', 100_000),
    memory: text(values, 'memory'),
    'disk-quota': text(values, 'disk'),
    command: text(values, 'command'),
    'health-check-type': text(values, 'health-check-type'),
    'health-check-http-endpoint': text(values, 'endpoint'),
    timeout: count('timeout', 180),
    'no-route': values['no-route'],
    'random-route': values['random-route'],
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
};

const withOptions = (app: ManifestApp, values: Values): ManifestApp => {
  const options = overrides(values);
  const { disk_quota: underscored, ...rest } = app;
  const disk = underscored === undefined ? {} : { 'disk-quota': underscored };
  const processes = (app.processes as Record<string, unknown>[] | undefined)?.map((one) =>
    one.type === 'web' ? { ...one, ...options } : one,
  );
  return {
    ...rest,
    ...disk,
    ...options,
    ...(processes === undefined ? {} : { processes }),
    name: text(values, 'name') ?? app.name,
  };
};

const run = async (context: Context, args: readonly string[]): Promise<number> => {
  const { values, positionals } = readArgs(
    { usage: USAGE, options: OPTIONS, positionals: { min: 1, max: 1 } },
    args,
  );
  const dir = resolve(context.cwd, positionals[0] ?? '.');
  const manifest = findManifest({ named: values.manifest, dir, cwd: context.cwd });
  if (manifest.apps.length > 1 && values.name !== undefined) {
    throw new OutcryError('USAGE', {
      problem: '--name goes with a manifest of one application',
      usage: USAGE,
    });
  }
  for (const app of manifest.apps) {
    const pushed = await pushApp(context, {
      app: withOptions(app, values),
      dir: sourceDir(manifest, app, dir),
      start: values['no-start'] !== true,
    });
    context.print('');
    await showApp(context, pushed.name);
  }
  return 0;
};

export const push: Command = {
  name: 'push',
  usage: USAGE,
  summary: 'upload a directory and run it (reads its manifest.yml)',
  run,
};
