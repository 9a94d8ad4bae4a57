import { isAbsolute } from 'node:path';
import { isLoopback } from '../common/model/address.js';
import type { ArchiveLimits } from '../common/model/archive-rules.js';
import { DEFAULT_ARCHIVE_LIMITS } from '../common/model/archive-rules.js';
import { BLOB_HOST, STACK } from '../common/model/well-known.js';
import { compileDoor, doorSchema } from '../common/runtime/door-config.js';
import type { UserDoor } from '../common/runtime/door-config.js';
import type { DoorAddress } from '../common/runtime/door.js';
import type { ConfigSchema, ReportProblem } from '../common/runtime/config.js';
import {
  DURATION,
  FILE_PATH,
  MEGABYTES,
  PORT,
  defineConfig,
  toMegabytes,
  toMs,
} from '../common/runtime/config.js';
import type { LogLimits } from './core/log-buffer.js';
import type { ApiSettings } from './core/rows.js';

interface UserConfig {
  listen: { host: string; port: number; tls?: { cert: string; key: string } };
  /** absolute; holds `blobs/` and, unless named otherwise, the token */
  data_dir: string;
  token_file: string;
  /** where cells fetch droplets; a socket in the data directory when absent */
  blob_listen?: UserDoor;
  allowed_hosts: string[];
  allowed_origins: string[];
  public_url: string;
  apps_domain: string;
  stacks: string[];
  defaults: { memory: string; disk: string; start_timeout: string | number };
  maximum_start_timeout: string | number;
  max_pids: number;
  max_upload: string;
  max_unpacked: string;
  max_entries: number;
  retained_droplets: number;
  logs: { lines_per_source: number; total: string };
  sync_interval: string | number;
  domain_ttl: string | number;
  cell_state_timeout: string | number;
  explain_timeout: string | number;
  auction_timeout: string | number;
  image_timeout: string | number;
}

export interface ApiListen {
  readonly host: string;
  /** 0 = any free one */
  readonly port: number;
  /** paths of PEM files; absent on loopback */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** What the API runs by. Durations in ms unless named otherwise. */
export interface ApiConfig {
  readonly listen: ApiListen;
  readonly dataDir: string;
  readonly blobDirectory: string;
  readonly tokenFile: string;
  /** where cells fetch droplets */
  readonly blobListen: DoorAddress;
  /** host names answered to beside loopback and the listening address */
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly settings: ApiSettings;
  readonly maxUploadBytes: number;
  readonly archive: ArchiveLimits;
  readonly logs: LogLimits;
  readonly syncIntervalMs: number;
  readonly domainTtlSeconds: number;
  readonly cellStateTimeoutMs: number;
  /** how long the auctioneer has to say why something found no place */
  readonly explainTimeoutMs: number;
  /** how long the auctioneer has for what people ask it: replays, what-ifs */
  readonly auctionTimeoutMs: number;
  /** how long cells may take to fetch an image that is staged */
  readonly imageTimeoutMs: number;
}

const MB = 1024 ** 2;

const text = { type: 'string', minLength: 1 } as const;
const anyText = { type: 'string' } as const;
const anyPath = { type: 'string', filePath: true } as const;
const texts = { type: 'array', items: text } as const;
const count = { type: 'integer', minimum: 1 } as const;

const object = (properties: Record<string, ConfigSchema>) =>
  ({ type: 'object', additionalProperties: false, properties }) as const;

/** A bearer token that crosses a network in the clear is everybody's. */
const checkListen = ({ host, tls }: UserConfig['listen'], report: ReportProblem): void => {
  if (tls === undefined && !isLoopback(host)) {
    report('listen.tls', 'is missing: beyond loopback the API is served over TLS only');
  }
};

export const apiConfig = defineConfig<UserConfig, ApiConfig>({
  schema: {
    ...object({
      listen: {
        ...object({
          host: { ...text, description: 'address of this machine' },
          port: { ...PORT, description: 'TCP port; 0 = any free one' },
          tls: {
            ...object({
              cert: { ...FILE_PATH, description: 'PEM file: certificate of the API' },
              key: { ...FILE_PATH, description: 'PEM file: its private key' },
            }),
            required: ['cert', 'key'],
            description: 'serves https; asked for where `host` is no loopback address',
          },
        }),
        description: 'where people and their tools reach the API',
      },
      data_dir: { ...FILE_PATH, description: 'directory of its own: packages, state, and the token' },
      token_file: { ...anyPath, description: 'the bearer token, made when absent; in `data_dir` when empty' },
      blob_listen: doorSchema('what cells fetch droplets from'),
      allowed_hosts: {
        ...texts,
        description: 'host names answered to beside loopback and the listening address',
      },
      allowed_origins: { ...texts, description: 'origins of web pages that may call' },
      public_url: { ...anyText, description: 'what applications are told of the API (`cf_api`)' },
      apps_domain: {
        type: 'string',
        pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
        description: 'domain below which applications get their routes',
      },
      stacks: {
        ...texts,
        minItems: 1,
        description: 'stacks that applications may ask for; the first is the default',
      },
      defaults: {
        ...object({
          memory: { ...MEGABYTES, description: 'of an instance' },
          disk: { ...MEGABYTES, description: 'of an instance' },
          start_timeout: { ...DURATION, description: 'in which an instance must become healthy' },
        }),
        description: 'what applications get that ask for nothing',
      },
      maximum_start_timeout: { ...DURATION, description: 'longest start timeout that may be asked for' },
      max_pids: { type: 'integer', minimum: 0, description: 'processes of an instance; 0 = no limit' },
      max_upload: { ...MEGABYTES, description: 'largest package' },
      max_unpacked: { ...MEGABYTES, description: 'largest package, unpacked' },
      max_entries: { ...count, description: 'files and directories in a package' },
      retained_droplets: {
        ...count,
        description: 'droplets kept of each application beside the one that runs',
      },
      logs: {
        ...object({
          lines_per_source: { ...count, description: 'of each application' },
          total: { ...MEGABYTES, description: 'of all together, in memory' },
        }),
        description: 'recent output that is kept',
      },
      sync_interval: { ...DURATION, description: 'between two comparisons of the BBS with what is wanted' },
      domain_ttl: { ...DURATION, description: 'how long the BBS may trust the last comparison' },
      cell_state_timeout: { ...DURATION, description: 'how long cells have to tell their states' },
      explain_timeout: {
        ...DURATION,
        description: 'how long the auctioneer has to say why something found no place',
      },
      auction_timeout: {
        ...DURATION,
        description: 'how long the auctioneer has for questions of `outcry auction`',
      },
      image_timeout: {
        ...DURATION,
        description: 'how long a cell may take to find out what an image is made to run',
      },
    }),
    required: ['data_dir'],
  },
  defaults: {
    listen: { host: '127.0.0.1', port: 8081 },
    token_file: '',
    allowed_hosts: [],
    allowed_origins: [],
    public_url: '',
    apps_domain: 'localhost',
    stacks: [STACK],
    // Cloud Controller's defaults
    defaults: { memory: '1G', disk: '1G', start_timeout: '60s' },
    maximum_start_timeout: '180s',
    max_pids: 1024,
    max_upload: '1G',
    max_unpacked: '4G',
    max_entries: DEFAULT_ARCHIVE_LIMITS.maxEntries,
    retained_droplets: 2,
    logs: { lines_per_source: 1000, total: '16M' },
    // Cloud Controller's: comparison every 30 s, domain fresh for 120 s
    sync_interval: '30s',
    domain_ttl: '120s',
    cell_state_timeout: '1s',
    explain_timeout: '500ms',
    auction_timeout: '30s',
    image_timeout: '5m',
  },
  compile(full, report) {
    if (!isAbsolute(full.data_dir)) report('data_dir', 'must be an absolute path');
    checkListen(full.listen, report);
    const inData = (name: string): string => `${full.data_dir}/${name}`;
    return {
      listen: full.listen,
      dataDir: full.data_dir,
      blobDirectory: inData('blobs'),
      tokenFile: full.token_file || inData('api-token'),
      blobListen: compileDoor(full.blob_listen ?? { socket: inData('blobs.sock') }, 'blob_listen', report),
      allowedHosts: full.allowed_hosts,
      allowedOrigins: full.allowed_origins,
      settings: {
        appsDomain: full.apps_domain,
        stacks: full.stacks,
        defaultMemoryMb: toMegabytes(full.defaults.memory),
        defaultDiskMb: toMegabytes(full.defaults.disk),
        defaultStartTimeoutSeconds: toMs(full.defaults.start_timeout) / 1000,
        maximumStartTimeoutSeconds: toMs(full.maximum_start_timeout) / 1000,
        maxPids: full.max_pids,
        blobUrl: `http://${BLOB_HOST}`,
        publicUrl: full.public_url,
        retainedDroplets: full.retained_droplets,
      },
      maxUploadBytes: toMegabytes(full.max_upload) * MB,
      archive: {
        ...DEFAULT_ARCHIVE_LIMITS,
        maxEntries: full.max_entries,
        maxTotalBytes: toMegabytes(full.max_unpacked) * MB,
      },
      logs: { linesPerSource: full.logs.lines_per_source, totalBytes: toMegabytes(full.logs.total) * MB },
      syncIntervalMs: toMs(full.sync_interval),
      domainTtlSeconds: Math.ceil(toMs(full.domain_ttl) / 1000),
      cellStateTimeoutMs: toMs(full.cell_state_timeout),
      explainTimeoutMs: toMs(full.explain_timeout),
      auctionTimeoutMs: toMs(full.auction_timeout),
      imageTimeoutMs: toMs(full.image_timeout),
    };
  },
});
