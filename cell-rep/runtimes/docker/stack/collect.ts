/** Collects a stack from this machine's own programs, and the libraries that `ldd` says they take. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { basename, delimiter, dirname, join, posix } from 'node:path';
import { OutcryError } from '../../../../common/model/errors.js';
import type { StackContents } from './contents.js';
import { createImageFiles, placeOf } from './image-files.js';
import type { ImageFiles } from './image-files.js';
import type { TarEntry } from '../tar.js';

export interface CollectedStack {
  entries: TarEntry[];
  /** that were asked for and are in it */
  programs: string[];
  /** why something that was asked for is not in it */
  left: string[];
}

export interface MachinePrograms {
  /** PATH; the usual directories come after it */
  path: string;
  /** the Node.js that is taken */
  node: string;
}

const USUAL = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'];
const VCAP = { uid: 2000, gid: 2000 };
const NODE = 'usr/local/bin/node';
const NPM = 'usr/local/lib/node_modules/npm';
/** loaded by name when names are looked up, so that no `ldd` tells of them; beside the C library */
const NAME_SERVICES = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];
/** of arguments to one `ldd` */
const AT_ONCE = 200;
const OUTPUT_BYTES = 16 * 1024 * 1024;

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

const isProgram = async (file: string): Promise<boolean> =>
  access(file, constants.X_OK).then(
    async () => (await stat(file)).isFile(),
    () => false,
  );

const findProgram = async (name: string, path: string): Promise<string | undefined> => {
  for (const dir of [...path.split(delimiter), ...USUAL]) {
    if (dir !== '' && (await isProgram(join(dir, name)))) return join(dir, name);
  }
  return undefined;
};

/** What `ldd` prints; of scripts and static programs it complains, and tells nothing. */
const runLdd = (ldd: string, files: string[]): Promise<string> =>
  new Promise((resolve) => {
    const options = { maxBuffer: OUTPUT_BYTES, env: { LC_ALL: 'C', PATH: USUAL.join(delimiter) } };
    execFile(ldd, files, options, (_error, stdout) => resolve(stdout));
  });

const librariesOf = async (ldd: string, programs: readonly string[]): Promise<string[]> => {
  const found = new Set<string>();
  for (let at = 0; at < programs.length; at += AT_ONCE) {
    const text = await runLdd(ldd, programs.slice(at, at + AT_ONCE));
    for (const [, library = ''] of text.matchAll(/(\/\S+) \(0x/g)) found.add(library);
  }
  return [...found];
};

/** What libraries lie beside the C library and are looked for at run time alone. */
const nameServices = async (libraries: readonly string[]): Promise<string[]> => {
  const c = libraries.find((one) => basename(one) === 'libc.so.6');
  const beside = c === undefined ? [] : NAME_SERVICES.map((name) => join(dirname(c), name));
  const there = await Promise.all(beside.map(exists));
  return beside.filter((_, at) => there[at]);
};

const addBase = (files: ImageFiles): void => {
  for (const name of [
    'dev',
    'proc',
    'sys',
    'run',
    'opt',
    'mnt',
    'srv',
    'var/lib',
    'var/log',
    'usr/local/lib',
  ]) {
    files.directory(name, 0o755);
  }
  for (const name of ['tmp', 'var/tmp']) files.directory(name, 0o1777);
  files.directory('root', 0o700);
  files.directory('home/vcap', 0o755, VCAP);
  files.text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nvcap:x:2000:2000::/home/vcap:/bin/sh\n');
  files.text('etc/group', 'root:x:0:\nvcap:x:2000:\n');
  files.text('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');
  files.link('etc/localtime', '/usr/share/zoneinfo/Etc/UTC');
};

/** A program where it really is, and a link where it is looked for. */
const addProgram = async (files: ImageFiles, name: string, found: string): Promise<string> => {
  const real = await realpath(found);
  const [place, usual] = [placeOf(real), `usr/bin/${name}`];
  if (!files.has(place)) await files.copy(real, place);
  if (place !== usual) files.link(usual, `/${place}`);
  return real;
};

/** npm's own directory, which has all that it needs in it, or is part of Debian's. */
const npmDirectory = async (path: string): Promise<string | undefined> => {
  const found = await findProgram('npm', path);
  const dir = found && dirname(dirname(await realpath(found)));
  if (!dir || !(await exists(join(dir, 'bin/npm-cli.js')))) return undefined;
  return (await exists(join(dir, 'node_modules'))) || dir.startsWith('/usr/share/nodejs/') ? dir : undefined;
};

const addNpm = async (files: ImageFiles, path: string): Promise<string | undefined> => {
  const dir = await npmDirectory(path);
  if (dir === undefined) return 'npm is not on PATH, or not in a directory of its own';
  const place = files.has(placeOf(dir)) ? placeOf(dir) : NPM;
  if (place === NPM) await files.copyTree(dir, NPM);
  for (const name of ['npm', 'npx']) files.link(`usr/local/bin/${name}`, `/${place}/bin/${name}-cli.js`);
  return undefined;
};

const missing = (program: string): OutcryError =>
  new OutcryError('STACK_HOST_UNUSABLE', { reason: `${program} is not on PATH` });

const addPrograms = async (files: ImageFiles, contents: StackContents, path: string) => {
  const taken = new Map<string, string>();
  for (const name of [...contents.required, ...contents.optional]) {
    const found = await findProgram(name, path);
    if (found !== undefined) taken.set(name, await addProgram(files, name, found));
    else if (contents.required.includes(name)) throw missing(name);
  }
  return taken;
};

const addTrees = async (files: ImageFiles, trees: readonly string[]): Promise<string[]> => {
  const programs: string[] = [];
  for (const tree of trees) {
    if (await exists(tree)) programs.push(...(await files.copyTree(tree, placeOf(tree))));
  }
  return programs;
};

/** Everything of a stack; nothing is written anywhere. */
export const collectStack = async (
  contents: StackContents,
  { path, node }: MachinePrograms,
): Promise<CollectedStack> => {
  const ldd = await findProgram('ldd', path);
  if (ldd === undefined) throw missing('ldd');
  const files = createImageFiles();
  addBase(files);
  const programs = await addPrograms(files, contents, path);
  const inTrees = await addTrees(files, contents.files);
  await files.copy(node, NODE);
  const noNpm = contents.npm ? await addNpm(files, path) : undefined;
  const linked = await librariesOf(ldd, [...new Set([node, ...programs.values(), ...inTrees])]);
  for (const library of [...linked, ...(await nameServices(linked))]) {
    await files.copy(library, placeOf(posix.normalize(library)));
  }
  return {
    entries: files.entries(),
    programs: [...programs.keys()],
    left: noNpm === undefined ? [] : [noNpm],
  };
};
