import { DURATION, SIZE_OR_NONE, defineConfig, toMegabytesOrNone, toMs } from '../common/runtime/config.js';
import { type PolicySettings, policyConfig } from './policy-config.js';

interface UserConfig {
  cell_state_timeout: string | number;
  cell_state_refresh: string | number;
  work_timeout: string | number;
  lease_ttl: string | number;
  recording: { size: string | number };
  backends: BackendName[];
  mesos: { state_timeout: string | number; work_timeout: string | number; away_for: string | number };
}

const BACKENDS = ['cells', 'mesos'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** What the auctioneer runs by. Durations in ms. */
export interface AuctioneerConfig extends PolicySettings {
  /** how long cells have to tell their states when all are asked */
  stateTimeoutMs: number;
  /** how often all are asked, besides telling of changes themselves */
  stateRefreshMs: number;
  /** how long a cell has to answer its work, and within which it must have read it */
  workTimeoutMs: number;
  /** of the lease that makes this auctioneer the active one */
  leaseTtlMs: number;
  /** of recorded batches; 0 = none are recorded */
  recordingMaxBytes: number;
  /** where places come from; what finds none at one is tried at the next. At least one. */
  backends: readonly BackendName[];
  mesos: {
    /** how long the Mesos bridge has to tell its bids */
    stateTimeoutMs: number;
    /** how long it has to answer its work */
    workTimeoutMs: number;
    /** how long it is left alone once it was late */
    awayMs: number;
  };
}

const BYTES_PER_MB = 1024 ** 2;

/** Names and defaults as in Diego's auctioneer, where it has them. */
export const auctioneerConfig = defineConfig<UserConfig, AuctioneerConfig>({
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      ...policyConfig.schema.properties,
      cell_state_timeout: {
        ...DURATION,
        description: 'how long cells have to tell their states when all are asked; who does not is left out',
      },
      cell_state_refresh: {
        ...DURATION,
        description:
          'how often all cells are asked for their states, one after the other, besides telling of changes themselves',
      },
      work_timeout: {
        ...DURATION,
        description: 'how long a cell has to answer its work, and within which it must have read it',
      },
      lease_ttl: { ...DURATION, description: 'of the lease that makes this auctioneer the active one' },
      recording: {
        type: 'object',
        additionalProperties: false,
        description: 'the latest batches, in memory, to be explained and replayed',
        properties: {
          size: {
            ...SIZE_OR_NONE,
            description: 'of all together; the oldest go first; 0 = nothing is recorded',
          },
        },
      },
      backends: {
        type: 'array',
        items: { enum: BACKENDS },
        minItems: 1,
        uniqueItems: true,
        description:
          'where places come from: cells, offers of the Mesos bridge, or both; what finds no place at one is tried at the next',
      },
      mesos: {
        type: 'object',
        additionalProperties: false,
        description: 'of the Mesos bridge, where `backends` has it',
        properties: {
          state_timeout: { ...DURATION, description: 'how long it has to tell all its bids' },
          work_timeout: { ...DURATION, description: 'how long it has to answer work' },
          away_for: { ...DURATION, description: 'for how long it is left alone when it answered too late' },
        },
      },
    },
  },
  defaults: {
    ...policyConfig.defaults,
    cell_state_timeout: '1s',
    cell_state_refresh: '30s',
    work_timeout: '10s',
    lease_ttl: '15s',
    recording: { size: '64M' },
    backends: ['cells'],
    mesos: { state_timeout: '500ms', work_timeout: '1s', away_for: '5s' },
  },
  compile: (full, report) => ({
    ...policyConfig.compile(full, report),
    stateTimeoutMs: toMs(full.cell_state_timeout),
    stateRefreshMs: toMs(full.cell_state_refresh),
    workTimeoutMs: toMs(full.work_timeout),
    leaseTtlMs: toMs(full.lease_ttl),
    recordingMaxBytes: toMegabytesOrNone(full.recording.size) * BYTES_PER_MB,
    backends: full.backends,
    mesos: {
      stateTimeoutMs: toMs(full.mesos.state_timeout),
      workTimeoutMs: toMs(full.mesos.work_timeout),
      awayMs: toMs(full.mesos.away_for),
    },
  }),
});
