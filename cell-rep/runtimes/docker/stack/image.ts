/** Makes an image of a collected stack, sees that it runs, and only then gives it its name. */
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { DockerOptions } from 'dockerode';
import { OutcryError } from '../../../../common/model/errors.js';
import type { Clock } from '../../../../common/ports/clock.js';
import { pingEngine } from '../engine.js';
import { reasonOf, unless } from '../engine-error.js';
import { packEntries } from '../tar.js';
import type { CollectedStack, MachinePrograms } from './collect.js';
import { collectStack } from './collect.js';
import type { StackContents } from './contents.js';

export interface StackImageOptions {
  docker: Docker;
  /** where the client finds it */
  engine: DockerOptions;
  clock: Clock;
  /** the image is not wanted any more: what was begun is undone, and its reason thrown */
  signal?: AbortSignal;
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
/** ms between questions whether the engine is still there */
const PULSE_MS = 2_000;
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

/** Whose requests end at a signal. */
interface Work {
  docker: Docker;
  /** the engine is away, or nobody wants the image any more */
  over: AbortSignal;
  /** the engine is away */
  away: AbortSignal;
}

/** The id of what was imported. */
const importFiles = async (
  { docker, over }: Work,
  { entries }: CollectedStack,
  labels: Record<string, string>,
): Promise<string> => {
  const changes = [
    `ENV PATH=${SEARCH_PATH}`,
    'CMD ["/bin/sh"]',
    ...Object.entries(labels).map(([key, value]) => `LABEL ${key}=${JSON.stringify(value)}`),
  ];
  const archive = Readable.from(packEntries(entries), { objectMode: false });
  const answer = await docker.importImage(archive, { changes: changes.join('\n'), abortSignal: over });
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
const tryOut = async ({ docker, over, away }: Work, id: string, command: string): Promise<string> => {
  const container = await docker.createContainer({
    Image: id,
    Entrypoint: ['/bin/sh', '-c', command],
    User: 'vcap',
    HostConfig: { NetworkMode: 'none' },
    Tty: true, // one stream, as it is
    abortSignal: over,
  });
  try {
    await container.start({ abortSignal: over });
    const { StatusCode } = (await container.wait({ abortSignal: over })) as { StatusCode: number };
    const said = await container.logs({ stdout: true, stderr: true, abortSignal: over });
    const printed = said.toString('utf8').trim();
    if (StatusCode === 0) return printed.replaceAll('\r', '');
    throw new Error(printed.split('\n').at(-1) || `it ended with status ${StatusCode}`);
  } finally {
    await unless([GONE], container.remove({ force: true, v: true, abortSignal: away }));
  }
};

/** The client's types do not know that this can be given up, too. */
const inspect = ({ docker, over }: Work, name: string): Promise<Docker.ImageInspectInfo> => {
  const options: object = { abortSignal: over };
  return docker.getImage(name).inspect(options);
};

const idOf = (work: Work, name: string): Promise<string | undefined> =>
  inspect(work, name).then(
    ({ Id, Config }) => (Config.Labels?.[STACK_LABEL] === undefined ? undefined : Id),
    () => undefined,
  );

/** Gives the name; an image of ours that had it goes, unless containers stand on it. */
const giveName = async (work: Work, id: string, name: string): Promise<void> => {
  const { docker, over, away } = work;
  const before = await idOf(work, name);
  await docker.getImage(id).tag({ ...splitName(name), abortSignal: over });
  if (before === undefined || before === id) return;
  await unless([GONE, IN_USE], docker.getImage(before).remove({ abortSignal: away }));
};

const make = async (work: Work, collected: CollectedStack, options: StackImageOptions) => {
  const { docker, away } = work;
  const id = await importFiles(work, collected, options.labels);
  try {
    const checked = await tryOut(work, id, options.contents.check);
    await giveName(work, id, options.name);
    const { Size } = await inspect(work, id);
    return { id, bytes: Size, checked };
  } catch (error) {
    await docker
      .getImage(id)
      .remove({ force: true, abortSignal: away })
      .catch(() => undefined);
    throw error;
  }
};

/** An engine that goes away may leave requests without an end: it is asked now and then. */
const watchEngine = ({ docker, engine, clock }: StackImageOptions) => {
  const silence = new AbortController();
  const cancel = clock.every(PULSE_MS, () =>
    pingEngine(docker, engine, clock).catch((error: unknown) => silence.abort(error)),
  );
  return { away: silence.signal, cancel };
};

const failed = (error: unknown): OutcryError =>
  error instanceof OutcryError
    ? error
    : new OutcryError('STACK_BUILD_FAILED', { reason: reasonOf(error) }, { cause: error });

export const makeStackImage = async (options: StackImageOptions): Promise<StackImage> => {
  const { docker, name, contents, machine, signal } = options;
  splitName(name);
  const collected = await collectStack(contents, machine);
  const { away, cancel } = watchEngine(options);
  const over = signal ? AbortSignal.any([signal, away]) : away;
  try {
    over.throwIfAborted();
    const made = await make({ docker, over, away }, collected, options);
    return { ...made, programs: collected.programs, left: collected.left };
  } catch (error) {
    // a request that was given up has no reason of its own
    throw signal?.aborted ? signal.reason : failed(away.aborted ? away.reason : error);
  } finally {
    cancel();
  }
};
