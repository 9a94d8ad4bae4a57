/** Root file systems as images. */
import type Docker from 'dockerode';
import type { ImageDescription } from '../../../common/model/image.js';
import type { DescribeResult } from '../../core/container-runtime.js';
import { OutcryError } from '../../../common/model/errors.js';
import { describeImage, inspectImage } from './describe-image.js';
import { fetchReason, statusOf } from './engine-error.js';
import { checkRegistry } from './registries.js';

/** What of an image decides how processes are run in it. */
export interface Image extends Omit<ImageDescription, 'digest' | 'ports'> {
  isStack: boolean;
}

export type ImageResult = { ok: true; image: Image } | { ok: false; reason: string };

export interface Images {
  /** fetched when the engine has it not */
  find(rootfs: string): Promise<ImageResult>;
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

const pull = async (docker: Docker, reference: string): Promise<void> => {
  const stream = await docker.pull(reference);
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

export const createImages = ({ docker, stacks, registries }: ImagesOptions): Images => {
  const pulling = new Map<string, Promise<void>>();

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
    async find(rootfs) {
      const found = resolveRootfs(rootfs, stacks);
      if ('problem' in found) return { ok: false, reason: found.problem };
      try {
        return { ok: true, image: await findOrPull(found.reference, found.isStack) };
      } catch (error) {
        return { ok: false, reason: `image ${found.reference}: ${words(error)}` };
      }
    },
    async byId(id, isStack) {
      const known = await describeImage(docker, id);
      return { id, entrypoint: [], command: [], user: '', workingDir: '', ...known, isStack };
    },
  };
};
