import { basename, resolve } from 'node:path';
import { readArgs, usageError } from '../args.js';
import type { Command, Context } from '../context.js';
import { checkDirectory } from '../push/files.js';
import { type Manifest, findManifest, sourceDir } from '../push/manifest.js';
import { MEANINGS, OPTIONS, USAGE, type Values, speaksOfOne, withOptions } from '../push/options.js';
import { type Pushed, checkPush, pushApp } from '../push/push.js';
import { showApp } from './app.js';

const manifestOf = async (context: Context, dir: string, values: Values): Promise<Manifest> => {
  if (values['no-manifest'] === true) return { file: undefined, apps: [{ name: basename(dir) }] };
  if (values.manifest === undefined) await checkDirectory(dir);
  return findManifest({ named: values.manifest, dir, cwd: context.cwd });
};

/** Of a manifest of several applications: all, or the one that is named. */
const chosen = ({ apps }: Manifest, values: Values): Manifest['apps'] => {
  if (apps.length === 1) return apps;
  if (values.name !== undefined) {
    const named = apps.filter(({ name }) => name === values.name);
    if (named.length === 1) return named;
    const names = apps.map(({ name }) => name).join(', ');
    throw usageError(USAGE, `the manifest has no application '${values.name}', only ${names}`);
  }
  if (!speaksOfOne(values)) return apps;
  throw usageError(USAGE, `the manifest has ${apps.length} applications: name one of them with --name`);
};

export const push: Command = {
  name: 'push',
  usage: USAGE,
  summary: 'upload a directory and run it (reads its manifest.yml)',
  options: MEANINGS,
  async run(context, args) {
    const { values, positionals } = readArgs({ usage: USAGE, options: OPTIONS, words: ['[DIR]'] }, args);
    const dir = resolve(context.cwd, positionals[0] ?? '.');
    const manifest = await manifestOf(context, dir, values);
    const all = chosen(manifest, values).map((app): Pushed => ({
      app: withOptions(app, values),
      dir: sourceDir(manifest, app, dir),
      start: values['no-start'] !== true,
    }));
    if (all.length > 1) for (const pushed of all) await checkPush(context, pushed);
    for (const pushed of all) {
      const { name } = await pushApp(context, pushed);
      context.print('');
      await showApp(context, name);
    }
    return 0;
  },
};
