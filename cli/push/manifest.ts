import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type Document, LineCounter, type Node, isMap, isNode, isScalar, parseDocument } from 'yaml';
import { OutcryError } from '../../common/model/errors.js';
import { readManifest as checkManifest } from '../../common/model/manifest.js';
import { type Path, type Problem, fieldName } from '../../common/model/read.js';
import { unreadable } from './files.js';

/** One application of a manifest: Cloud Foundry's keys as written. */
export type ManifestApp = Record<string, unknown> & { name: string };

export interface Manifest {
  /** undefined when there is no file */
  file: string | undefined;
  apps: ManifestApp[];
}

interface Source {
  /** as shown to people */
  name: string;
  document: Document;
  lines: LineCounter;
}

/** How long applications may take to start is the API's to say. */
const LIMITS = { maximumStartTimeoutSeconds: 86_400 };

/** The key of an entry, else its value. */
const nodeAt = (document: Document, path: Path): Node | undefined => {
  const parent: unknown = path.length === 0 ? undefined : document.getIn(path.slice(0, -1), true);
  const key = String(path.at(-1));
  const pair = isMap(parent)
    ? parent.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
    : undefined;
  const node = pair?.key ?? document.getIn(path, true);
  return isNode(node) ? node : undefined;
};

/** Line of what is at `path`, or of the nearest thing around it that has one. */
const lineOf = ({ document, lines }: Source, path: Path): number => {
  for (let length = path.length; length >= 0; length -= 1) {
    const range = nodeAt(document, path.slice(0, length))?.range;
    if (range) return lines.linePos(range[0]).line;
  }
  return 1;
};

const invalid = (place: string, field: string, problem: string): OutcryError =>
  new OutcryError('MANIFEST_INVALID', { place, field, problem });

const errorOf = (source: Source, [first, ...others]: readonly Problem[]): OutcryError => {
  const { path, kind, reason } = first ?? { path: [], kind: 'invalid', reason: 'is not a manifest' };
  const hint = reason === '' ? '' : ` (did you mean '${reason}'?)`;
  const problem = kind === 'unknown-key' ? `unknown key${hint}` : reason;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  const field = path.length === 0 ? 'manifest' : fieldName(path);
  return invalid(`${source.name}:${lineOf(source, path)}`, field, `${problem}${more}`);
};

const parse = (file: string, name: string): { source: Source; value: unknown } => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(name, error);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const problem = error.message.split('\n')[0]?.replace(/ at line \d+.*$/, '') ?? 'not YAML';
    throw invalid(`${name}:${error.linePos?.[0].line ?? 1}`, 'not YAML', problem);
  }
  try {
    return { source: { name, document, lines }, value: document.toJS({ maxAliasCount: 100 }) };
  } catch (cause) {
    throw invalid(`${name}:1`, 'not YAML', cause instanceof Error ? cause.message : String(cause));
  }
};

/** FILE_UNREADABLE or MANIFEST_INVALID, which names the line and the field. */
export const readManifest = (file: string, name = file): Manifest => {
  const { source, value } = parse(file, name);
  const checked = checkManifest(value, LIMITS);
  if (!checked.ok) throw errorOf(source, checked.error);
  return { file, apps: (value as { applications: ManifestApp[] }).applications };
};

const manifestIn = (dir: string): string | undefined =>
  ['manifest.yml', 'manifest.yaml'].map((name) => join(dir, name)).find(existsSync);

/** Whether one is named, or lies in the directory. */
export const hasManifest = (dir: string, { manifest }: { manifest?: string }): boolean =>
  manifest !== undefined || manifestIn(dir) !== undefined;

/** The manifest named, else `manifest.yml` of the pushed directory, else none: an application named as the directory. */
export const findManifest = (options: { named: string | undefined; dir: string; cwd: string }): Manifest => {
  const { named, dir, cwd } = options;
  if (named !== undefined) return readManifest(resolve(cwd, named), named);
  const file = manifestIn(dir);
  if (file !== undefined) {
    const near = relative(cwd, file);
    return readManifest(file, near.startsWith('..') ? file : near);
  }
  return { file: undefined, apps: [{ name: basename(dir) }] };
};

/** Where an application's files are: its own `path`, relative to its manifest. */
export const sourceDir = (manifest: Manifest, app: ManifestApp, dir: string): string =>
  typeof app.path === 'string' && manifest.file !== undefined
    ? resolve(dirname(manifest.file), app.path)
    : dir;
