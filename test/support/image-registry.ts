import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

/** What an image says of itself, as an image's configuration has it. */
export interface ImageSays {
  Entrypoint?: string[];
  Cmd?: string[];
  ExposedPorts?: Record<string, object>;
}

/** A registry that gives out images without any file in them; engines trust one on loopback without TLS. */
export interface ImageRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** makes `name:latest` mean an image that says this; answers its digest */
  publish(name: string, says: ImageSays): string;
  close(): Promise<void>;
}

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const CONFIG = 'application/vnd.docker.container.image.v1+json';
const LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
const PATH = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/;
const ARCHITECTURES: Record<string, string> = { x64: 'amd64' };

const digestOf = (content: Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;

interface Blob {
  type: string;
  content: Buffer;
}

const send = (response: ServerResponse, { type, content }: Blob, body: boolean): void => {
  response.writeHead(200, {
    'content-type': type,
    'content-length': content.length,
    'docker-content-digest': digestOf(content),
  });
  response.end(body ? content : undefined);
};

const refuse = (response: ServerResponse): void => {
  const errors = [{ code: 'UNAUTHORIZED', message: 'authentication required' }];
  const headers = { 'content-type': 'application/json', 'www-authenticate': 'Basic realm="images"' };
  response.writeHead(401, headers).end(JSON.stringify({ errors }));
};

const unknown = (response: ServerResponse): void => {
  const errors = [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }];
  response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify({ errors }));
};

export interface RegistryOptions {
  /** `USER:PASSWORD` without which nothing is given out */
  credentials?: string;
}

export const startImageRegistry = async ({ credentials }: RegistryOptions = {}): Promise<ImageRegistry> => {
  const wanted = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
  /** by digest, and manifests by `name:latest` as well */
  const blobs = new Map<string, Blob>();
  const keep = (type: string, content: Buffer) => {
    const digest = digestOf(content);
    blobs.set(digest, { type, content });
    return { mediaType: type, size: content.length, digest };
  };
  const server = createServer((request, response) => {
    const [, name = '', , reference = ''] = PATH.exec(request.url ?? '') ?? [];
    const blob = blobs.get(reference.startsWith('sha256:') ? reference : `${name}:${reference}`);
    if (wanted !== undefined && request.headers.authorization !== wanted) refuse(response);
    else if (request.url === '/v2/') response.writeHead(200).end('{}');
    else if (blob) send(response, blob, request.method === 'GET');
    else unknown(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    publish(name, says) {
      const tar = Buffer.alloc(1024); // no entry, and the end
      const config = {
        architecture: ARCHITECTURES[process.arch] ?? process.arch,
        os: 'linux',
        config: says,
        rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      };
      const manifest = {
        schemaVersion: 2,
        mediaType: MANIFEST,
        config: keep(CONFIG, Buffer.from(JSON.stringify(config))),
        layers: [keep(LAYER, gzipSync(tar))],
      };
      const { digest } = keep(MANIFEST, Buffer.from(JSON.stringify(manifest)));
      blobs.set(`${name}:latest`, blobs.get(digest) as Blob);
      return digest;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
