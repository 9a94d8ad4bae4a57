import type { ImageDescription, ImageReference } from '../../common/model/image.js';
import { imageRootfs } from '../../common/model/image.js';
import type { DropletImage, DropletRow } from './rows.js';

/** Droplets that are images. */

/** The port that web processes listen on unless their image names others. */
export const DEFAULT_PORT = 8080;
/** As many as Cloud Controller lets an app have; some images name thousands. */
const MOST_PORTS = 10;

/** What is kept of an image that was asked about. */
export const dropletImage = (
  name: string,
  reference: ImageReference,
  found: ImageDescription,
): DropletImage => ({
  name,
  rootfs: imageRootfs({ ...reference, version: found.digest || reference.version }),
  entrypoint: found.entrypoint,
  command: found.command,
  user: found.user,
  workingDir: found.workingDir,
  ports: found.ports.slice(0, MOST_PORTS),
});

/** What an image runs by itself. */
export const imageCommand = ({ entrypoint, command }: DropletImage): string[] => [...entrypoint, ...command];

const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;
const quoted = (word: string): string => (PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** A start command as people read it, and as a shell would run the same. */
export const commandText = (words: readonly string[]): string => words.map(quoted).join(' ');

/** Ports that a droplet's processes listen on; the first is the one that routes lead to. */
export const portsOf = (droplet: DropletRow | undefined): readonly number[] => {
  const ports = droplet?.image?.ports ?? [];
  return ports.length > 0 ? ports : [DEFAULT_PORT];
};

export const firstPort = (droplet: DropletRow | undefined): number => portsOf(droplet)[0] ?? DEFAULT_PORT;

/** Cloud Foundry's own form, which is JSON within JSON; '' for files. */
export const executionMetadata = (image: DropletImage | null): string => {
  if (image === null) return '';
  const { entrypoint, command, workingDir, user, ports } = image;
  return JSON.stringify({
    entrypoint,
    cmd: command,
    workdir: workingDir,
    user,
    ports: ports.map((port) => ({ Port: port, Protocol: 'tcp' })),
  });
};
