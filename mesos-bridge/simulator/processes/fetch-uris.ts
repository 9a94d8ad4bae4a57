/** Brings a command's URIs into a sandbox, as the fetcher of a Mesos agent does. */
import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { chmod, copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CommandUri } from '../../protocol/messages.js';

const run = promisify(execFile);

/** by what a file's name ends in; tools as the agent's own fetcher uses them */
const UNPACK: readonly { ending: RegExp; command(file: string, dir: string): readonly [string, string[]] }[] =
  [
    {
      ending: /\.(tar|tgz|tar\.gz|tbz2|tar\.bz2|txz|tar\.xz)$/,
      command: (file, dir) => ['tar', ['-C', dir, '-xf', file]],
    },
    { ending: /\.zip$/, command: (file, dir) => ['unzip', ['-o', '-q', '-d', dir, file]] },
  ];

const inSandbox = (name: string): boolean =>
  name !== '' && !name.startsWith('/') && !name.split('/').includes('..');

const nameOf = (value: string): string => {
  const path = /^\w+:\/\//.test(value) ? decodeURIComponent(new URL(value).pathname) : value;
  return basename(path);
};

const download = async (url: string, file: string, signal: AbortSignal): Promise<void> => {
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null) throw new Error(`${url} answered ${response.status}`);
  await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(file), { signal });
};

const bring = async (value: string, file: string, signal: AbortSignal): Promise<void> => {
  if (/^https?:\/\//.test(value)) return download(value, file, signal);
  if (value.startsWith('file://')) return copyFile(fileURLToPath(value), file);
  if (value.startsWith('/')) return copyFile(value, file);
  throw new Error(`'${value}' is neither a path, nor file://, http:// or https://`);
};

const fetchUri = async (uri: CommandUri, sandbox: string, signal: AbortSignal): Promise<void> => {
  const name = uri.outputFile ?? nameOf(uri.value);
  if (!inSandbox(name)) throw new Error(`'${uri.value}' names no file in the sandbox`);
  const file = join(sandbox, name);
  await bring(uri.value, file, signal);
  if (uri.executable === true) return chmod(file, 0o755);
  const unpack = uri.extract === false ? undefined : UNPACK.find(({ ending }) => ending.test(name));
  if (unpack === undefined) return;
  const [command, args] = unpack.command(file, sandbox);
  await run(command, args, { signal });
};

/** One after the other; rejects at the first that fails. */
export const fetchUris = async (
  uris: readonly CommandUri[],
  sandbox: string,
  signal: AbortSignal,
): Promise<void> => {
  for (const uri of uris) await fetchUri(uri, sandbox, signal);
};
