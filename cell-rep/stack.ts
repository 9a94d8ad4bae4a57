/** Door of `outcry stack`: makes the image that applications pushed from source run in. */
import { realpath } from 'node:fs/promises';
import { createSystemClock } from '../common/adapters/system-clock.js';
import { OutcryError } from '../common/model/errors.js';
import { askEngine } from './runtimes/docker/engine.js';
import { engineOf, engineText } from './runtimes/docker/engine-address.js';
import { DEFAULT_STACK } from './runtimes/docker/stack/contents.js';
import { makeStackImage, STACK_LABEL } from './runtimes/docker/stack/image.js';
import { STACK, STACK_IMAGE } from '../common/model/well-known.js';

export interface BuildStackOptions {
  /** `name` or `name:tag`; without: STACK_IMAGE */
  name: string | undefined;
  /** as DOCKER_HOST says it, or the path of a socket; without: as the environment says */
  engine: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
  /** nobody wants it any more: nothing is left in the engine, and its reason is thrown */
  signal?: AbortSignal;
  /** told what is being done */
  onStep(text: string): void;
}

export interface BuiltStack {
  name: string;
  /** of the engine */
  where: string;
  version: string;
  bytes: number;
  programs: string[];
  /** versions of Node.js and npm, as they say them in the image */
  node: string;
  npm: string | undefined;
  /** why something that was asked for is not in it */
  left: string[];
}

const checkMachine = (): void => {
  if (process.platform === 'linux') return;
  const reason = `it would be made from this machine's own programs, and this is ${process.platform}, not linux`;
  throw new OutcryError('STACK_HOST_UNUSABLE', { reason });
};

/** Makes the image in the engine. An OutcryError where that cannot be. */
export const buildStack = async (options: BuildStackOptions): Promise<BuiltStack> => {
  checkMachine();
  const { name = STACK_IMAGE, env } = options;
  const engine = engineOf(options.engine, env);
  const clock = createSystemClock();
  const { docker, version } = await askEngine(engine, clock);
  options.onStep(`making ${name} from this machine's programs`);
  const made = await makeStackImage({
    docker,
    engine,
    clock,
    ...(options.signal && { signal: options.signal }),
    name,
    contents: DEFAULT_STACK,
    machine: { path: env['PATH'] ?? '', node: await realpath(process.execPath) },
    labels: { [STACK_LABEL]: STACK, 'outcry.node': process.versions.node },
  });
  const [node = '', npm] = made.checked.split('\n');
  return { ...made, name, where: engineText(engine), version, node: node.replace(/^v/, ''), npm };
};
