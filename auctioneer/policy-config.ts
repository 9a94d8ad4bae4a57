import { FILE_PATH, defineConfig } from '../common/runtime/config.js';
import type { ReportProblem } from '../common/runtime/config.js';
import { DEFAULT_POLICY, type Policy, type Strategy } from './core/policy.js';

interface UserPolicy {
  starting_container_weight?: number;
  starting_container_count_maximum: number;
  bin_pack_first_fit_weight?: number;
  compat: Policy['compat'];
  policy?: { strategy?: Strategy; module?: string };
}

/** How bids are compared. */
export interface PolicySettings {
  policy: Policy;
  /** file of a policy of one's own, in place of the strategy's score */
  policyModule: string | undefined;
}

/** So much that it outweighs all else, and sums with it stay finite. */
const weight = { type: 'number', minimum: 0, maximum: 1e9 } as const;

const oneOfBoth = ({ policy }: UserPolicy, report: ReportProblem): void => {
  if (policy?.strategy !== undefined && policy.module !== undefined)
    report('policy', 'names a strategy or a module, not both');
};

const policyOf = (full: UserPolicy): Policy => ({
  strategy: full.policy?.strategy ?? DEFAULT_POLICY.strategy,
  startingContainerMaximum: Math.max(0, full.starting_container_count_maximum),
  compat: full.compat,
  ...(full.starting_container_weight !== undefined && {
    startingContainerWeight: full.starting_container_weight,
  }),
  ...(full.bin_pack_first_fit_weight !== undefined && {
    binPackFirstFitWeight: full.bin_pack_first_fit_weight,
  }),
});

/** The part of the auctioneer's configuration that says how it decides. Diego's names, where it has them. */
export const policyConfig = defineConfig<UserPolicy, PolicySettings>({
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      starting_container_weight: {
        ...weight,
        description:
          "what each starting container adds to the score of its cell; absent: the strategy's (`diego`: 0.25, others: 0)",
      },
      starting_container_count_maximum: {
        type: 'integer',
        description: 'containers that may start at a time, on all cells together; 0 or less = no limit',
      },
      bin_pack_first_fit_weight: {
        ...weight,
        description:
          "what each step of the cell index adds to an LRP's score: fills cells in order; absent: the strategy's (`binpack`: 1, others: 0)",
      },
      compat: {
        enum: ['outcry', 'diego'],
        description: 'diego switches the deliberate differences from Diego off',
      },
      policy: {
        type: 'object',
        additionalProperties: false,
        description: 'how bids are compared, by one of the two; see docs/auction.md',
        properties: {
          strategy: {
            enum: ['diego', 'spread', 'binpack'],
            description: 'as the original (absent: this), by share in use alone, or the fewest cells',
          },
          module: { ...FILE_PATH, description: 'a policy of your own: a module that exports `score`' },
        },
      },
    },
  },
  defaults: {
    starting_container_count_maximum: DEFAULT_POLICY.startingContainerMaximum,
    compat: DEFAULT_POLICY.compat,
  },
  compile(full, report) {
    oneOfBoth(full, report);
    return { policy: policyOf(full), policyModule: full.policy?.module };
  },
});
