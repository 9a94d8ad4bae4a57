/** What every component's configuration file has beside the component's own keys. */
import type { Component } from '../model/well-known.js';
import { compileDoor, compileEndpoint, doorSchema, endpointSchema } from './door-config.js';
import type { UserDoor, UserEndpoint } from './door-config.js';
import type { DoorAddress } from './door.js';
import type { Endpoint } from './endpoint.js';
import { FILE_PATH, MEGABYTES, defineConfig, toMegabytes } from './config.js';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

interface UserProcess {
  component: string;
  log: { level: (typeof LEVELS)[number]; file?: string; max_size: string };
  nats: string;
  admin?: UserDoor;
}

export interface ProcessConfig {
  readonly component: Component;
  /** `file` undefined = standard output */
  readonly log: {
    readonly level: (typeof LEVELS)[number];
    readonly file: string | undefined;
    readonly maxBytes: number;
  };
  /** file of this component's user */
  readonly natsFile: string;
  /** where health and metrics are asked for; undefined = nowhere */
  readonly admin: DoorAddress | undefined;
}

const BYTES_PER_MB = 1024 ** 2;

/** The keys of one component's process. */
export const processConfig = (component: Component) =>
  defineConfig<UserProcess, ProcessConfig>({
    schema: {
      type: 'object',
      additionalProperties: false,
      required: ['component', 'nats'],
      properties: {
        component: { enum: [component], description: 'whose configuration this is' },
        log: {
          type: 'object',
          additionalProperties: false,
          description: 'one JSON object per line',
          properties: {
            level: { enum: LEVELS, description: 'the least important events that are written' },
            file: { ...FILE_PATH, description: 'where to; standard output when absent' },
            max_size: { ...MEGABYTES, description: 'size at which the file is put aside; one older is kept' },
          },
        },
        nats: {
          ...FILE_PATH,
          description: "file of this component's NATS user, as `outcry nats-config` writes it",
        },
        admin: doorSchema('the admin listener (`/health`, `/metrics`)'),
      },
    },
    defaults: { log: { level: 'info', max_size: '64M' } },
    compile: (full, report) => ({
      component,
      log: {
        level: full.log.level,
        file: full.log.file,
        maxBytes: toMegabytes(full.log.max_size) * BYTES_PER_MB,
      },
      natsFile: full.nats,
      admin: full.admin === undefined ? undefined : compileDoor(full.admin, 'admin', report),
    }),
  });

/** Where the BBS is, for components that ask it. */
export const bbsLinkConfig = defineConfig<{ bbs: UserEndpoint }, { endpoint: Endpoint }>({
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['bbs'],
    properties: { bbs: endpointSchema('the BBS') },
  },
  defaults: {},
  compile: (full, report) => ({ endpoint: compileEndpoint(full.bbs, 'bbs', report) }),
});

/** Where a component keeps what must outlive it. */
export const dataDirConfig = defineConfig<{ data_dir: string }, { dataDir: string }>({
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['data_dir'],
    properties: {
      data_dir: { ...FILE_PATH, description: 'directory of its own, made with mode 0700 when absent' },
    },
  },
  defaults: {},
  compile: (full) => ({ dataDir: full.data_dir }),
});
