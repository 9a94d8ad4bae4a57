/** Root file systems as images. */
import type Docker from 'dockerode';
import type { ImageDescription } from '../../../common/model/image.js';
import { createTurns } from '../../../common/runtime/turns.js';
import type { DescribeResult, ImageCredentials } from '../../core/container-runtime.js';
import { OutcryError } from '../../../common/model/errors.js';
import { describeImage, inspectImage } from './describe-image.js';
import { fetchReason, statusOf, unless } from './engine-error.js';
import { checkRegistry } from './registries.js';

/** What of an image decides how processes are run in it. */
export interface Image extends Omit<ImageDescription, 'digest' | 'ports'> {
  isStack: boolean;
}

export type ImageResult = { ok: true; image: Image } | { ok: false; reason: string };

const GONE = 404;

export interface Images {
  /**
   * Fetched when the engine has it not. With credentials the registry is asked each time, as Diego does: who may have an
   * image is its business, and what was fetched with them is not found by its name afterwards.
   */
  find(rootfs: string, credentials?: ImageCredentials): Promise<ImageResult>;
  /** id of a stack's image; undefined = the engine has none */
  anyStack(): Promise<string | undefined>;
  /** one that a container was made of; without what it runs by itself when the engine has it no more */
  byId(id: string, isStack: boolean): Promise<Image>;
  /** as its registry has it now; as the engine has it when it came from none, or none answers */
  describe(rootfs: string): Promise<DescribeResult>;
}

const DOCKER = /^docker:\/\/([^/]*)\/([^#]+)(?:#(.+))?$/;

/**
 * `docker:///name`, `docker://registry/name#tag` as Diego writes them: the engine's own reference. A tag after '#'
 * may be a digest; without one it is the latest.
 */
export const imageReference = (rootfs: string): string | undefined => {
  const [, host, name, tag] = DOCKER.exec(rootfs) ?? [];
  if (name === undefined) return undefined;
  const full = host ? `${host}/${name}` : name;
  if (tag !== undefined) return tag.startsWith('sha256:') ? `${full}@${tag}` : `${full}:${tag}`;
  return /[:@][^/]*$/.test(name) ? full : `${full}:latest`;
};

type Reference = { reference: string; isStack: boolean } | { problem: string };

const resolveRootfs = (rootfs: string, stacks: Record<string, string>): Reference => {
  const stack = /^preloaded:(.+)$/.exec(rootfs)?.[1];
  if (stack !== undefined) {
    const reference = Object.hasOwn(stacks, stack) ? stacks[stack] : undefined;
    return reference === undefined ? { problem: `no such stack: ${stack}` } : { reference, isStack: true };
  }
  const reference = imageReference(rootfs);
  return reference === undefined ? { problem: `no such rootfs: ${rootfs}` } : { reference, isStack: false };
};

/** Credentials go into a header: as an option they would be part of the URL. */
type PullWith = (
  reference: string,
  options: object,
  done: undefined,
  auth: object,
) => Promise<NodeJS.ReadableStream>;

const pull = async (docker: Docker, reference: string, credentials?: ImageCredentials): Promise<void> => {
  const pullWith = docker.pull.bind(docker) as unknown as PullWith;
  const stream = credentials
    ? await pullWith(reference, {}, undefined, credentials)
    : await docker.pull(reference);
  await new Promise<void>((resolve, reject) =>
    docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve())),
  );
};

/** What is refused here has a code, and whoever asked can do something about it. */
const words = (error: unknown): string =>
  error instanceof OutcryError ? `${error.code}: ${error.message}; ${error.remedy}` : fetchReason(error);

export interface ImagesOptions {
  docker: Docker;
  /** image of each stack, by its name */
  stacks: Record<string, string>;
  /** those that may be asked though they are at a loopback or link-local address */
  registries: readonly string[];
}

/** Repository in which images that took credentials are kept, so that they are fetched but once. */
const PRIVATE = 'outcry-private';

/** What was fetched loses the name that anybody could ask for; answers its id. */
const hide = async (docker: Docker, reference: string): Promise<string> => {
  const image = docker.getImage(reference);
  const { Id } = await image.inspect();
  await image.tag({ repo: PRIVATE, tag: Id.replace('sha256:', '') });
  await unless([GONE], image.remove({ noprune: true }));
  return Id;
};

export const createImages = ({ docker, stacks, registries }: ImagesOptions): Images => {
  const pulling = new Map<string, Promise<void>>();
  const inTurn = createTurns();

  const pullChecked = async (reference: string): Promise<void> => {
    await checkRegistry(reference, registries);
    await pull(docker, reference);
  };
  const pullOnce = (reference: string): Promise<void> => {
    const known = pulling.get(reference);
    if (known) return known;
    const work = pullChecked(reference).finally(() => pulling.delete(reference));
    pulling.set(reference, work);
    return work;
  };
  const findOrPull = async (reference: string, isStack: boolean): Promise<Image> => {
    try {
      return { ...(await inspectImage(docker, reference)), isStack };
    } catch (error) {
      if (statusOf(error) !== 404 || isStack) throw error;
    }
    await pullOnce(reference);
    return { ...(await inspectImage(docker, reference)), isStack };
  };
  const fetchPrivate = async (reference: string, credentials: ImageCredentials): Promise<Image> => {
    await checkRegistry(reference, registries);
    await pull(docker, reference, credentials);
    return { ...(await inspectImage(docker, await hide(docker, reference))), isStack: false };
  };

  /** A name with a digest never comes to mean another image. */
  const mayBeNewer = (reference: string, known: ImageDescription | undefined): boolean =>
    known === undefined || (known.digest !== '' && !reference.includes('@'));

  const latest = async (reference: string): Promise<ImageDescription | undefined> => {
    const known = await describeImage(docker, reference);
    if (!mayBeNewer(reference, known)) return known;
    try {
      await pullOnce(reference);
    } catch (error) {
      if (known === undefined || error instanceof OutcryError) throw error;
    }
    return describeImage(docker, reference);
  };

  return {
    async describe(rootfs) {
      const reference = imageReference(rootfs);
      if (reference === undefined) return { ok: false, reason: `no image: ${rootfs}` };
      try {
        const image = await latest(reference);
        return image ? { ok: true, image } : { ok: false, reason: 'it has been removed meanwhile' };
      } catch (error) {
        return { ok: false, reason: words(error) };
      }
    },
    async find(rootfs, credentials) {
      const found = resolveRootfs(rootfs, stacks);
      if ('problem' in found) return { ok: false, reason: found.problem };
      const { reference, isStack } = found;
      const fetch = (): Promise<Image> =>
        credentials && !isStack ? fetchPrivate(reference, credentials) : findOrPull(reference, isStack);
      try {
        // one after the other: what one is about to hide must not be found by another
        return { ok: true, image: await inTurn(reference, fetch) };
      } catch (error) {
        return { ok: false, reason: `image ${reference}: ${words(error)}` };
      }
    },
    async anyStack() {
      for (const reference of Object.values(stacks)) {
        const known = await describeImage(docker, reference);
        if (known !== undefined) return known.id;
      }
      return undefined;
    },
    async byId(id, isStack) {
      const known = await describeImage(docker, id);
      return { id, entrypoint: [], command: [], user: '', workingDir: '', ...known, isStack };
    },
  };
};
