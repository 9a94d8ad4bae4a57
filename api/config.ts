import { isAbsolute } from 'node:path';
import type { ArchiveLimits } from '../common/model/archive-rules.js';
import { DEFAULT_ARCHIVE_LIMITS } from '../common/model/archive-rules.js';
import { DURATION, MEGABYTES, PORT, defineConfig, toMegabytes, toMs } from '../common/runtime/config.js';
import type { LogLimits } from './core/log-buffer.js';
import type { ApiSettings } from './core/rows.js';

interface UserConfig {
  listen: { host: string; port: number };
  /** absolute; holds `blobs/` and, unless named otherwise, the token */
  data_dir: string;
  token_file: string;
  /** unix socket at which cells fetch droplets; '' = in the data directory */
  blob_socket: string;
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
  image_timeout: string | number;
}

/** What the API runs by. Durations in ms unless named otherwise. */
export interface ApiConfig {
  readonly listen: { readonly host: string; readonly port: number };
  readonly blobDirectory: string;
  readonly tokenFile: string;
  /** unix socket (0600) at which cells fetch droplets */
  readonly blobSocketPath: string;
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
  /** how long cells may take to fetch an image that is staged */
  readonly imageTimeoutMs: number;
}

const MB = 1024 ** 2;
/** Host by which droplets are asked for; the cell's configuration leads it to the socket. */
export const BLOB_HOST = 'blobs.outcry.internal';

const text = { type: 'string', minLength: 1 } as const;
const anyText = { type: 'string' } as const;
const texts = { type: 'array', items: text } as const;
const count = { type: 'integer', minimum: 1 } as const;

const object = (properties: Record<string, unknown>) =>
  ({ type: 'object', additionalProperties: false, properties }) as const;

export const apiConfig = defineConfig<UserConfig, ApiConfig>({
  schema: {
    ...object({
      listen: object({ host: text, port: PORT }),
      data_dir: text,
      token_file: anyText,
      blob_socket: anyText,
      allowed_hosts: texts,
      allowed_origins: texts,
      public_url: anyText,
      apps_domain: { type: 'string', pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$' },
      stacks: { ...texts, minItems: 1 },
      defaults: object({ memory: MEGABYTES, disk: MEGABYTES, start_timeout: DURATION }),
      maximum_start_timeout: DURATION,
      max_pids: { type: 'integer', minimum: 0 },
      max_upload: MEGABYTES,
      max_unpacked: MEGABYTES,
      max_entries: count,
      retained_droplets: count,
      logs: object({ lines_per_source: count, total: MEGABYTES }),
      sync_interval: DURATION,
      domain_ttl: DURATION,
      cell_state_timeout: DURATION,
      explain_timeout: DURATION,
      image_timeout: DURATION,
    }),
    required: ['data_dir'],
  },
  defaults: {
    listen: { host: '127.0.0.1', port: 8081 },
    token_file: '',
    blob_socket: '',
    allowed_hosts: [],
    allowed_origins: [],
    public_url: '',
    apps_domain: 'localhost',
    stacks: ['cflinuxfs4'],
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
    image_timeout: '5m',
  },
  compile(full, report) {
    if (!isAbsolute(full.data_dir)) report('data_dir', 'must be an absolute path');
    const inData = (name: string): string => `${full.data_dir}/${name}`;
    return {
      listen: full.listen,
      blobDirectory: inData('blobs'),
      tokenFile: full.token_file || inData('api-token'),
      blobSocketPath: full.blob_socket || inData('blobs.sock'),
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
      imageTimeoutMs: toMs(full.image_timeout),
    };
  },
});
