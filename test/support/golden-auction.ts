import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Auction } from '../../auctioneer/core/auction.js';
import { auctionId } from '../../auctioneer/core/auction.js';
import type { PlacementReport } from '../../auctioneer/scenario/outcomes.js';
import { type Scenario, readScenario } from '../../auctioneer/scenario/read.js';
import { packageRoot } from '../../common/runtime/package-root.js';

export interface GoldenStep {
  kind: 'lrp' | 'task';
  id: string;
  acceptable_cells?: string[] | null;
  acceptable_errors?: string[] | null;
  diego_chose_cell?: string;
  diego_error?: string;
}

/** A recorded batch of Diego's scheduler; `config` and `input` are what `outcry auction run` takes. */
export interface GoldenCase {
  name: string;
  config: object;
  input: object;
  result: { considered_order: string[]; placements: PlacementReport[]; deterministic: boolean };
  trace: GoldenStep[];
}

export const GOLDEN_DIR = join(packageRoot(), 'test/fixtures/auction');

export const goldenCases = (): GoldenCase[] =>
  readdirSync(GOLDEN_DIR).map(
    (file) => JSON.parse(readFileSync(join(GOLDEN_DIR, file), 'utf8')) as GoldenCase,
  );

/** Read as the command reads it. */
export const scenarioOf = ({ name, config, input }: GoldenCase, overrides: object = {}): Scenario => {
  const read = readScenario({ config: { ...config, ...overrides }, input }, GOLDEN_DIR);
  if (!read.ok) throw new Error(`${name}: ${JSON.stringify(read.error)}`);
  return read.value;
};

export const labelOf = (auction: Auction): string => `${auction.kind} ${auctionId(auction)}`;
