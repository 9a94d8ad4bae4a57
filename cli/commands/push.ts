import { basename, resolve } from 'node:path';
import { OutcryError } from '../../common/model/errors.js';
import { isAppName } from '../../common/model/names.js';
import { readArgs, usageError } from '../args.js';
import type { Command, Context } from '../context.js';
import { checkDirectory } from '../push/files.js';
import { type Manifest, findManifest, hasManifest, sourceDir } from '../push/manifest.js';
import { MEANINGS, OPTIONS, USAGE, type Values, speaksOfOne, withOptions } from '../push/options.js';
import { type Pushed, checkPush, pushApp } from '../push/push.js';
import { showApp } from './app.js';

/** With an image the word is a name, as in the cf CLI. */
const withName = (word: string | undefined, values: Values): Values => {
  if (values['docker-username'] !== undefined) throw new OutcryError('IMAGE_CREDENTIALS_UNSUPPORTED');
  if (values['docker-image'] === undefined || word === undefined) return values;
  if (values.name !== undefined) throw usageError(USAGE, `-o takes no directory: unexpected '${word}'`);
  if (!isAppName(word)) {
    throw usageError(USAGE, `-o takes a name before it and no directory, and '${word}' is no name`);
  }
  return { ...values, name: word };
};

/** Of what is an image, which needs none. */
const ownManifest = ({ name }: Values): Manifest => {
  if (name === undefined) throw usageError(USAGE, '-o takes a name before it: push NAME -o IMAGE');
  return { file: undefined, apps: [{ name }] };
};

const manifestOf = async (context: Context, dir: string, values: Values): Promise<Manifest> => {
  const isImage = values['docker-image'] !== undefined;
  if (isImage && (values['no-manifest'] === true || !hasManifest(dir, values))) return ownManifest(values);
  if (values['no-manifest'] === true) return { file: undefined, apps: [{ name: basename(dir) }] };
  if (values.manifest === undefined) await checkDirectory(dir);
  return findManifest({ named: values.manifest, dir, cwd: context.cwd });
};

/** Of a manifest of several applications: all, or the one that is named. */
const chosen = ({ apps }: Manifest, values: Values): Manifest['apps'] => {
  // an image is named beside a manifest that may be about something else
  if (apps.length === 1 && values['docker-image'] === undefined) return apps;
  if (apps.length === 1 && values.name === undefined) return apps;
  if (values.name !== undefined) {
    const named = apps.filter(({ name }) => name === values.name);
    if (named.length === 1) return named;
    const names = apps.map(({ name }) => name).join(', ');
    const without = values['docker-image'] === undefined ? '' : '; --no-manifest leaves it out';
    throw usageError(USAGE, `the manifest has no application '${values.name}', only ${names}${without}`);
  }
  if (!speaksOfOne(values)) return apps;
  throw usageError(USAGE, `the manifest has ${apps.length} applications: name one of them with --name`);
};

export const push: Command = {
  name: 'push',
  usage: USAGE,
  summary: 'upload a directory, or name an image, and run it (reads its manifest.yml)',
  options: MEANINGS,
  async run(context, args) {
    const read = readArgs({ usage: USAGE, options: OPTIONS, words: ['[DIR]'] }, args);
    const [word] = read.positionals;
    const values = withName(word, read.values);
    const dir = resolve(context.cwd, values['docker-image'] === undefined ? (word ?? '.') : '.');
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
