import { offers } from '../mesos/offers.js';
import { simulate } from '../mesos/simulate.js';
import { withSubcommands } from './subcommands.js';

export const mesos = withSubcommands(
  'mesos',
  [offers, simulate],
  'what the bridge to Mesos does; a Mesos to try it on',
);
