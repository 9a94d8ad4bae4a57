import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node } from 'yaml';
import { OutcryError } from '../model/errors.js';
import { fileReason } from '../model/file-reason.js';
import { err } from '../model/result.js';
import type { Result } from '../model/result.js';
import type { Config, ConfigProblem } from './config.js';

interface ReadDocument {
  path: string;
  document: Document;
  lines: LineCounter;
}

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new OutcryError('CONFIG_UNREADABLE', { path, reason: fileReason(cause) }, { cause });
  }
};

/** Reads YAML, of which JSON is a part. CONFIG_UNREADABLE when it is not there. */
const readDocument = (path: string): ReadDocument => {
  const lines = new LineCounter();
  return {
    path,
    document: parseDocument(readText(path), { lineCounter: lines, prettyErrors: false }),
    lines,
  };
};

const lineAt = (lines: LineCounter, node: Node | null | undefined): number | undefined =>
  node?.range ? lines.linePos(node.range[0]).line : undefined;

/** The line of the innermost part of `path` that is written in the file. */
const lineOf = ({ document, lines }: ReadDocument, path: readonly string[]): number | undefined => {
  let node: unknown = document.contents;
  let line: number | undefined;
  for (const name of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === name);
      if (pair === undefined) return line;
      line = lineAt(lines, pair.key as Node) ?? line;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(name)];
      line = lineAt(lines, node as Node) ?? line;
    } else {
      return line;
    }
  }
  return line;
};

const syntaxProblems = ({ path, document, lines }: ReadDocument): ConfigProblem[] =>
  document.errors.map(({ message, pos }) => ({
    source: `${path}:${lines.linePos(pos[0]).line}`,
    field: '',
    path: [],
    problem: message.split('\n')[0] ?? 'is not YAML',
  }));

/** Of what a file says, as plain values; its syntax has been checked. Relative paths count from `baseDir`. */
export type Prepare = (raw: unknown, baseDir: string) => unknown;

/**
 * Reads and checks a configuration file. Problems name file and line; relative paths count from the file.
 * `prepare` fills in what only this machine can say.
 */
export const readConfig = <C>(
  file: string,
  config: Config<C>,
  prepare: Prepare = (raw) => raw,
): Result<C, ConfigProblem[]> => {
  const path = resolve(file);
  const read = readDocument(path);
  const broken = syntaxProblems(read);
  if (broken.length > 0) return err(broken);
  const baseDir = dirname(path);
  const result = config.parse(prepare(read.document.toJS(), baseDir), path, { baseDir });
  if (result.ok) return result;
  const located = result.error.map((problem) => {
    const line = lineOf(read, problem.path);
    return line === undefined ? problem : { ...problem, source: `${path}:${line}` };
  });
  return err(located);
};

/** A key at the top of a file, to tell whose it is; undefined when it is absent or no text. */
export const readTopKey = (file: string, key: string): string | undefined => {
  const value: unknown = readDocument(resolve(file)).document.get(key);
  return typeof value === 'string' ? value : undefined;
};
