/** How an application's start command is found: Procfile, then what Node.js packages say of themselves. */

export interface SourceFiles {
  /** whether the application has this file; paths are relative to its directory */
  has(path: string): boolean;
  /** text of `Procfile` and `package.json` where they are there */
  readonly procfile?: string;
  readonly packageJson?: string;
}

export interface Detection {
  /** process type → start command; empty = nothing found */
  processTypes: Record<string, string>;
  /** file that it was found in; '' = none */
  detectedFrom: string;
}

const PROCFILE_LINE = /^([A-Za-z0-9_-]+):\s*(\S.*?)\s*$/;

/** `type: command` lines; comments and anything else are passed over. */
export const parseProcfile = (content: string): Record<string, string> => {
  const types: Record<string, string> = {};
  for (const line of content.split(/\r?\n/)) {
    const match = PROCFILE_LINE.exec(line);
    if (match?.[1] && match[2]) types[match[1]] = match[2];
  }
  return types;
};

interface PackageJson {
  main?: string;
  start?: string;
  prestart?: string;
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

const parsePackageJson = (content: string): PackageJson => {
  try {
    const parsed = JSON.parse(content) as {
      main?: unknown;
      scripts?: { start?: unknown; prestart?: unknown };
    } | null;
    const [main, start, prestart] = [parsed?.main, parsed?.scripts?.start, parsed?.scripts?.prestart].map(
      textOf,
    );
    return { ...(main ? { main } : {}), ...(start ? { start } : {}), ...(prestart ? { prestart } : {}) };
  } catch {
    return {};
  }
};

/**
 * What `npm start` would run, without npm, which containers need not have: the script's own text, with the
 * package's binaries found first.
 */
export const npmStart = (script: { start: string; prestart?: string }): string => {
  const path = 'export PATH="$PWD/node_modules/.bin:$PATH"';
  const before = script.prestart ? `\n(${script.prestart}) || exit` : '';
  return `${path}${before}\n${script.start}`;
};

const quoted = (path: string): string =>
  /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;

/** Files that Node.js would load for `main`, in its order. */
const candidates = (main: string): string[] => {
  const path = main.replace(/^\.\//, '').replace(/\/$/, '');
  return [path, `${path}.js`, `${path}/index.js`];
};

const nodeFile = (files: SourceFiles, main: string | undefined): string | undefined => {
  const named = main === undefined ? [] : candidates(main);
  return [...named, 'server.js'].find((path) => files.has(path));
};

const detectNode = (files: SourceFiles): Detection | undefined => {
  const { start, prestart, main } = parsePackageJson(files.packageJson ?? '');
  if (start) {
    const web = npmStart({ start, ...(prestart ? { prestart } : {}) });
    return { processTypes: { web }, detectedFrom: 'package.json' };
  }
  const file = nodeFile(files, main);
  if (!file) return undefined;
  return { processTypes: { web: `node ${quoted(file)}` }, detectedFrom: file };
};

/** A Procfile's `web` wins; its other types are kept even when the web command comes from elsewhere. */
export const detect = (files: SourceFiles): Detection => {
  const procfile = parseProcfile(files.procfile ?? '');
  if (procfile['web']) return { processTypes: procfile, detectedFrom: 'Procfile' };
  const node = detectNode(files);
  if (node) return { ...node, processTypes: { ...procfile, ...node.processTypes } };
  return { processTypes: procfile, detectedFrom: Object.keys(procfile).length > 0 ? 'Procfile' : '' };
};
