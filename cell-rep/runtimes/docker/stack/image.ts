/** Makes an image of a collected stack, sees that it runs, and only then gives it its name. */
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { OutcryError } from '../../../../common/model/errors.js';
import { reasonOf, unless } from '../engine-error.js';
import { packEntries } from '../tar.js';
import type { CollectedStack, MachinePrograms } from './collect.js';
import { collectStack } from './collect.js';
import type { StackContents } from './contents.js';

export interface StackImageOptions {
  docker: Docker;
  /** `name` or `name:tag` */
  name: string;
  contents: StackContents;
  machine: MachinePrograms;
  labels: Record<string, string>;
}

export interface StackImage {
  id: string;
  bytes: number;
  programs: string[];
  /** why something that was asked for is not in it */
  left: string[];
  /** what its check printed */
  checked: string;
}

export const STACK_LABEL = 'outcry.stack';
const GONE = 404;
const IN_USE = 409;
const SEARCH_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const NAME = /^[a-z0-9][a-z0-9._/:-]*$/;

/** `host:5000/name:tag` → `host:5000/name` and `tag` */
export const splitName = (name: string): { repo: string; tag: string } => {
  const [, repo = '', tag = 'latest'] = /^(.+?)(?::([\w][\w.-]*))?$/.exec(name) ?? [];
  if (!NAME.test(repo)) throw new OutcryError('STACK_NAME_INVALID', { name });
  return { repo, tag };
};

interface ImportLine {
  status?: string;
  error?: string;
}

/** The id of what was imported. */
const importFiles = async (
  docker: Docker,
  { entries }: CollectedStack,
  labels: Record<string, string>,
): Promise<string> => {
  const changes = [
    `ENV PATH=${SEARCH_PATH}`,
    'CMD ["/bin/sh"]',
    ...Object.entries(labels).map(([key, value]) => `LABEL ${key}=${JSON.stringify(value)}`),
  ];
  const archive = Readable.from(packEntries(entries), { objectMode: false });
  const answer = await docker.importImage(archive, { changes: changes.join('\n') });
  let text = '';
  for await (const piece of answer) text += String(piece);
  const lines = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as ImportLine);
  const failed = lines.find(({ error }) => error !== undefined);
  if (failed?.error) throw new Error(failed.error);
  return lines.findLast(({ status }) => status?.startsWith('sha256:'))?.status ?? '';
};

/** What the check prints, as an application's user, without a network. */
const tryOut = async (docker: Docker, id: string, command: string): Promise<string> => {
  const container = await docker.createContainer({
    Image: id,
    Entrypoint: ['/bin/sh', '-c', command],
    User: 'vcap',
    HostConfig: { NetworkMode: 'none' },
    Tty: true, // one stream, as it is
  });
  try {
    await container.start();
    const { StatusCode } = (await container.wait()) as { StatusCode: number };
    const printed = (await container.logs({ stdout: true, stderr: true })).toString('utf8').trim();
    if (StatusCode === 0) return printed.replaceAll('\r', '');
    throw new Error(printed.split('\n').at(-1) || `it ended with status ${StatusCode}`);
  } finally {
    await unless([GONE], container.remove({ force: true, v: true }));
  }
};

const idOf = (docker: Docker, name: string): Promise<string | undefined> =>
  docker
    .getImage(name)
    .inspect()
    .then(
      ({ Id, Config }) => (Config.Labels?.[STACK_LABEL] === undefined ? undefined : Id),
      () => undefined,
    );

/** Gives the name; an image of ours that had it goes, unless containers stand on it. */
const giveName = async (docker: Docker, id: string, name: string): Promise<void> => {
  const before = await idOf(docker, name);
  await docker.getImage(id).tag(splitName(name));
  if (before !== undefined && before !== id) await unless([GONE, IN_USE], docker.getImage(before).remove());
};

const failed = (error: unknown): OutcryError =>
  error instanceof OutcryError
    ? error
    : new OutcryError('STACK_BUILD_FAILED', { reason: reasonOf(error) }, { cause: error });

export const makeStackImage = async (options: StackImageOptions): Promise<StackImage> => {
  const { docker, name, contents, machine, labels } = options;
  splitName(name);
  const collected = await collectStack(contents, machine);
  try {
    const id = await importFiles(docker, collected, labels);
    try {
      const checked = await tryOut(docker, id, contents.check);
      await giveName(docker, id, name);
      const { Size } = await docker.getImage(id).inspect();
      return { id, bytes: Size, programs: collected.programs, left: collected.left, checked };
    } catch (error) {
      await docker
        .getImage(id)
        .remove({ force: true })
        .catch(() => undefined);
      throw error;
    }
  } catch (error) {
    throw failed(error);
  }
};
