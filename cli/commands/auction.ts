import { explain } from '../auction/explain.js';
import { list } from '../auction/list.js';
import { replay } from '../auction/replay.js';
import { run } from '../auction/run.js';
import { whatIf } from '../auction/what-if.js';
import { withSubcommands } from './subcommands.js';

export const auction = withSubcommands(
  'auction',
  [list, explain, replay, whatIf, run],
  'what the auctioneer decided, why, and what it would decide',
);
