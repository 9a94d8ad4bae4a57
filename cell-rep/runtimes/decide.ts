/** Which runtime the cells of a machine use: Docker where it can be, unless somebody decides. */
import { OutcryError } from '../../common/model/errors.js';
import { STACK, STACK_IMAGE } from '../../common/model/well-known.js';
import type { Clock } from '../../common/ports/clock.js';
import { askEngine, engineError } from './docker/engine.js';
import { engineOf, engineText, isOnThisMachine } from './docker/engine-address.js';
import type { EngineAddress } from './docker/engine-address.js';
import { statusOf } from './docker/engine-error.js';

export type AskedRuntime = 'auto' | 'docker' | 'process';

/** `says`: which one and why, in one line. */
export type RuntimeChoice =
  | {
      kind: 'docker';
      engine: EngineAddress;
      /** the same, as configurations have it */
      where: string;
      /** image of each stack */
      stacks: Record<string, string>;
      says: string;
    }
  | { kind: 'process'; says: string };

export interface RuntimeWish {
  asked: AskedRuntime;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
}

const withDocker = async ({ env, clock }: RuntimeWish): Promise<RuntimeChoice> => {
  const engine = engineOf(undefined, env);
  const where = engineText(engine);
  if (!isOnThisMachine(engine)) throw new OutcryError('DOCKER_ENGINE_REMOTE', { where });
  const { docker, version } = await askEngine(engine, clock);
  try {
    await docker.getImage(STACK_IMAGE).inspect();
  } catch (error) {
    if (statusOf(error) !== 404) throw engineError(error, engine);
    throw new OutcryError('STACK_IMAGE_MISSING', { where, image: STACK_IMAGE });
  }
  return {
    kind: 'docker',
    engine,
    where,
    stacks: { [STACK]: STACK_IMAGE },
    says: `docker: engine ${version} at ${where}, stack ${STACK_IMAGE.replace(/:latest$/, '')}`,
  };
};

/** The one reason about which its reader can do something at once. */
const whyNot = (error: OutcryError): string =>
  error.code === 'STACK_IMAGE_MISSING'
    ? `${error.message}; make one with 'npx outcry stack build'`
    : error.message;

/** An OutcryError when Docker was asked for and cannot be. */
export const decideRuntime = async (wish: RuntimeWish): Promise<RuntimeChoice> => {
  if (wish.asked === 'process') return { kind: 'process', says: 'process: asked for by --runtime' };
  try {
    return await withDocker(wish);
  } catch (error) {
    if (wish.asked === 'docker' || !(error instanceof OutcryError)) throw error;
    return { kind: 'process', says: `process: ${whyNot(error)}` };
  }
};
