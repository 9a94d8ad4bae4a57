import { DURATION, SIZE_OR_NONE, defineConfig, toMegabytesOrNone, toMs } from '../common/runtime/config.js';
import { DEFAULT_POLICY, type Policy } from './core/policy.js';

interface UserConfig {
  starting_container_weight: number;
  starting_container_count_maximum: number;
  bin_pack_first_fit_weight: number;
  compat: Policy['compat'];
  cell_state_timeout: string | number;
  work_timeout: string | number;
  lease_ttl: string | number;
  recording: { size: string | number };
}

/** What the auctioneer runs by. Durations in ms. */
export interface AuctioneerConfig {
  policy: Policy;
  /** how long a batch waits for cells to tell their states */
  stateTimeoutMs: number;
  /** how long a cell has to answer its work, and within which it must have read it */
  workTimeoutMs: number;
  /** of the lease that makes this auctioneer the active one */
  leaseTtlMs: number;
  /** of recorded batches; 0 = none are recorded */
  recordingMaxBytes: number;
}

const BYTES_PER_MB = 1024 ** 2;

const weight = { type: 'number', minimum: 0 } as const;

/** Names and defaults as in Diego's auctioneer, where it has them. */
export const auctioneerConfig = defineConfig<UserConfig, AuctioneerConfig>({
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      starting_container_weight: {
        ...weight,
        description: 'what each starting container adds to the score of its cell',
      },
      starting_container_count_maximum: {
        type: 'integer',
        minimum: 0,
        description: 'containers that may start at a time, on all cells together; 0 = no limit',
      },
      bin_pack_first_fit_weight: {
        ...weight,
        description: 'what each step of the cell index adds to the score: fills cells in order',
      },
      compat: {
        enum: ['outcry', 'diego'],
        description: 'diego switches the deliberate differences from Diego off',
      },
      cell_state_timeout: {
        ...DURATION,
        description: 'how long a batch waits for cells to tell their states',
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
    },
  },
  defaults: {
    starting_container_weight: 0.25,
    starting_container_count_maximum: DEFAULT_POLICY.startingContainerMaximum,
    bin_pack_first_fit_weight: 0,
    compat: DEFAULT_POLICY.compat,
    cell_state_timeout: '1s',
    work_timeout: '10s',
    lease_ttl: '15s',
    recording: { size: '64M' },
  },
  compile: (full) => ({
    policy: {
      ...DEFAULT_POLICY,
      startingContainerWeight: full.starting_container_weight,
      startingContainerMaximum: full.starting_container_count_maximum,
      binPackFirstFitWeight: full.bin_pack_first_fit_weight,
      compat: full.compat,
    },
    stateTimeoutMs: toMs(full.cell_state_timeout),
    workTimeoutMs: toMs(full.work_timeout),
    leaseTtlMs: toMs(full.lease_ttl),
    recordingMaxBytes: toMegabytesOrNone(full.recording.size) * BYTES_PER_MB,
  }),
});
