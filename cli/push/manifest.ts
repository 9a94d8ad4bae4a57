import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { LineCounter, type Document, isNode, parseDocument } from 'yaml';
import { OutcryError } from '../../common/model/errors.js';
import { nearest } from '../../common/model/nearest.js';
import {
  APP_SCHEMA,
  EXPECTED,
  PROCESS_SCHEMA,
  ROUTE_SCHEMA,
  type ValueKind,
  isOfKind,
} from './manifest-schema.js';

/** One application of a manifest: Cloud Foundry's keys as written. */
export type ManifestApp = Record<string, unknown> & { name: string };

export interface Manifest {
  /** undefined when there is no file */
  file: string | undefined;
  apps: ManifestApp[];
}

type Path = (string | number)[];

interface Source {
  file: string;
  document: Document;
  lines: LineCounter;
}

const shown = (path: Path): string =>
  path.map((part, at) => (typeof part === 'number' ? `[${part}]` : at === 0 ? part : `.${part}`)).join('');

/** Line of the value at `path`, or of the nearest thing around it that has one. */
const lineOf = ({ document, lines }: Source, path: Path): number => {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
};

const invalid = (source: Source, path: Path, problem: string): OutcryError =>
  new OutcryError('MANIFEST_INVALID', {
    place: `${source.file}:${lineOf(source, path)}`,
    field: shown(path),
    problem,
  });

const hint = (key: string, known: readonly string[]): string => {
  const meant = nearest(key, known);
  return meant === undefined ? '' : `; did you mean '${meant}'?`;
};

const checkKeys = (
  source: Source,
  path: Path,
  check: { value: Record<string, unknown>; schema: Record<string, ValueKind> },
): void => {
  for (const [key, value] of Object.entries(check.value)) {
    const kind = check.schema[key];
    const place = [...path, key];
    if (kind === undefined)
      throw invalid(source, place, `unknown key${hint(key, Object.keys(check.schema))}`);
    if (!isOfKind(kind, value))
      throw invalid(source, place, `must be ${EXPECTED[kind]}, not ${JSON.stringify(value)}`);
  }
};

const checkApp = (source: Source, path: Path, app: Record<string, unknown>): ManifestApp => {
  checkKeys(source, path, { value: app, schema: APP_SCHEMA });
  if (typeof app.name !== 'string' || app.name === '')
    throw invalid(source, path, 'the application has no name');
  for (const [key, schema] of [
    ['processes', PROCESS_SCHEMA],
    ['routes', ROUTE_SCHEMA],
  ] as const) {
    const list = (app[key] ?? []) as Record<string, unknown>[];
    list.forEach((value, at) => checkKeys(source, [...path, key, at], { value, schema }));
  }
  return { ...app, name: app.name };
};

const readSource = (file: string): Source => {
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = error.linePos?.[0].line ?? 1;
    const problem = error.message.split('\n')[0]?.replace(/ at line \d+.*$/, '') ?? 'not YAML';
    throw new OutcryError('MANIFEST_INVALID', { place: `${file}:${line}`, field: 'manifest', problem });
  }
  return { file, document, lines };
};

export const readManifest = (file: string): Manifest => {
  const source = readSource(file);
  const root: unknown = source.document.toJS();
  if (typeof root !== 'object' || root === null || Array.isArray(root)) {
    throw invalid(source, [], 'must be a map with the key applications');
  }
  checkKeys(source, [], {
    value: root as Record<string, unknown>,
    schema: { applications: 'objects', version: 'count' },
  });
  const apps = ((root as { applications?: Record<string, unknown>[] }).applications ?? []).map((app, at) =>
    checkApp(source, ['applications', at], app),
  );
  if (apps.length === 0) throw invalid(source, [], 'has no applications');
  return { file, apps };
};

/** The manifest named, else `manifest.yml` of the pushed directory, else none. */
export const findManifest = (options: { named: string | undefined; dir: string; cwd: string }): Manifest => {
  if (options.named !== undefined) {
    const file = resolve(options.cwd, options.named);
    if (!existsSync(file)) throw new OutcryError('PATH_NOT_FOUND', { path: options.named });
    return readManifest(file);
  }
  for (const name of ['manifest.yml', 'manifest.yaml']) {
    const file = join(options.dir, name);
    if (existsSync(file)) return readManifest(file);
  }
  return { file: undefined, apps: [{ name: basename(options.dir) }] };
};

/** Where an application's files are: its own `path`, relative to its manifest. */
export const sourceDir = (manifest: Manifest, app: ManifestApp, dir: string): string =>
  typeof app.path === 'string' && manifest.file !== undefined
    ? resolve(dirname(manifest.file), app.path)
    : dir;
