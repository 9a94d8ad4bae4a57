/** Doors of a system of processes on loopback TCP with certificates of its own, as between machines. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Endpoint } from '../../common/runtime/endpoint.js';
import type { TlsFiles } from '../../common/runtime/tls-files.js';
import { createTestAuthority } from './certificates.js';
import type { TestAuthority } from './certificates.js';
import { freePorts } from './nats-server.js';

type Config = Record<string, unknown>;

/** Whose certificate: a component's as a client of the BBS (and of the droplet store), or one of the two doors'. */
export type Bearer = string;

export interface TlsDoors {
  /** whom all trust; known once prepared */
  readonly authority: TestAuthority;
  /** whom nobody does */
  readonly foreign: TestAuthority;
  /** for a system's `prepare` */
  prepare(dir: string): Promise<Endpoint>;
  /** puts a certificate and its key into the place of the bearer's; the authority that it trusts stays */
  give(bearer: Bearer, files: TlsFiles): void;
  /** puts back the right ones */
  restore(bearer: Bearer): void;
}

const HOST = '127.0.0.1';

/** Changes one configuration that has been written. */
export const editConfig = (path: string, change: (config: Config) => Config): void =>
  writeFileSync(path, stringify(change(parse(readFileSync(path, 'utf8')) as Config)));

const tls = (bearer: Bearer): Config => ({
  cert: `tls/${bearer}.pem`,
  key: `tls/${bearer}.key`,
  ca: 'tls/ca.pem',
});

/** `dir` is for the authorities. */
export const createTlsDoors = async (dir: string, cells: readonly string[]): Promise<TlsDoors> => {
  const homes = new Map<Bearer, string>([
    ...['bbs', 'blobs', 'auctioneer', 'api'].map((name) => [name, 'control'] as const),
    ...cells.map((cell) => [cell, cell] as const),
  ]);
  const [authority, foreign] = await Promise.all(
    ['ca', 'foreign'].map((name) => {
      mkdirSync(join(dir, name));
      return createTestAuthority(join(dir, name), name);
    }),
  );
  if (!authority || !foreign) throw new Error('no authority');
  const right = new Map<Bearer, TlsFiles>();
  for (const bearer of [...homes.keys(), 'test']) right.set(bearer, await authority.issue(bearer));
  const [bbs = 0, blobs = 0] = await freePorts(2);
  let system = '';

  const give = (bearer: Bearer, { certFile, keyFile }: TlsFiles): void => {
    const place = join(system, homes.get(bearer) ?? '', 'tls');
    mkdirSync(place, { recursive: true });
    cpSync(certFile, join(place, `${bearer}.pem`));
    cpSync(keyFile, join(place, `${bearer}.key`));
    cpSync(authority.caFile, join(place, 'ca.pem'));
  };
  const filesOf = (bearer: Bearer): TlsFiles => {
    const files = right.get(bearer);
    if (!files) throw new Error(`no certificate of ${bearer}`);
    return files;
  };
  const restore = (bearer: Bearer): void => give(bearer, filesOf(bearer));
  const door = (port: number, bearer: Bearer): Config => ({ host: HOST, port, tls: tls(bearer) });
  const end = (port: number, bearer: Bearer): Config => ({
    url: `https://${HOST}:${port}`,
    tls: tls(bearer),
  });

  return {
    authority,
    foreign,
    give,
    restore,
    async prepare(to) {
      system = to;
      for (const bearer of homes.keys()) restore(bearer);
      const edit = (file: string, more: Config): void =>
        editConfig(join(to, file), (config) => ({ ...config, ...more }));
      edit('control/bbs.yml', { listen: door(bbs, 'bbs') });
      edit('control/auctioneer.yml', { bbs: end(bbs, 'auctioneer') });
      edit('control/api.yml', { bbs: end(bbs, 'api'), blob_listen: door(blobs, 'blobs') });
      for (const cell of cells) edit(`${cell}/cell.yml`, { bbs: end(bbs, cell), blobs: end(blobs, cell) });
      return { url: `https://${HOST}:${bbs}`, tls: filesOf('test') };
    },
  };
};
