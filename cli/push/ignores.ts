import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Whether a path of the pushed directory is left out; a directory that is takes all below with it. */
export type Ignores = (path: string, isDirectory: boolean) => boolean;

/** Left out wherever they are, as the cf CLI does. */
const ALWAYS = new Set(['.git', '.hg', '.svn', '_darcs', '.DS_Store', '.cfignore', '.gitignore']);

/** Left out at the top. */
const AT_TOP = new Set(['manifest.yml', 'manifest.yaml']);

interface Rule {
  matches: RegExp;
  directoryOnly: boolean;
  negated: boolean;
}

/** Parts of a pattern, the longest first, and what each becomes. */
const TOKENS = /\\(.)|\*\*\/|\/\*\*$|\*\*|\*|\?|\[[!^]?[^\]/]+\]|[^]/g;

const WILDCARDS: Record<string, string> = {
  '**/': '(?:.*/)?',
  '/**': '/.*',
  '**': '.*',
  '*': '[^/]*',
  '?': '[^/]',
};

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

const tokenSource = (token: string, escaped: string | undefined): string => {
  if (escaped !== undefined) return literally(escaped);
  if (token.length > 1 && token.startsWith('[')) {
    return token.replace(/^\[!/, '[^').replace(/(?!^)\[/g, '\\[');
  }
  return WILDCARDS[token] ?? literally(token);
};

const toRegExp = (pattern: string, anchored: boolean): RegExp => {
  const source = [...pattern.matchAll(TOKENS)]
    .map(([token, escaped]) => tokenSource(token, escaped))
    .join('');
  const start = anchored ? '^' : '(?:^|/)';
  try {
    return new RegExp(`${start}${source}$`);
  } catch {
    // a character class that is none, such as [z-a]
    return new RegExp(`${start}${literally(pattern)}$`);
  }
};

const ruleOf = (line: string): Rule => {
  const negated = line.startsWith('!');
  const body = negated ? line.slice(1) : line;
  const directoryOnly = body.endsWith('/');
  const trimmed = directoryOnly ? body.slice(0, -1) : body;
  const anchored = trimmed.includes('/');
  return { matches: toRegExp(trimmed.replace(/^\//, ''), anchored), directoryOnly, negated };
};

/** gitignore's patterns; the last one that matches decides. */
export const parseIgnores = (text: string): Ignores => {
  const rules = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(ruleOf);
  return (path, isDirectory) => {
    if (ALWAYS.has(path.slice(path.lastIndexOf('/') + 1)) || AT_TOP.has(path)) return true;
    let ignored = false;
    for (const rule of rules) {
      if ((isDirectory || !rule.directoryOnly) && rule.matches.test(path)) ignored = !rule.negated;
    }
    return ignored;
  };
};

/** The rules of a directory's `.cfignore`, if it has one. */
export const readIgnores = async (dir: string): Promise<Ignores> =>
  parseIgnores(await readFile(join(dir, '.cfignore'), 'utf8').catch(() => ''));
