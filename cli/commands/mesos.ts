import { offers } from '../mesos/offers.js';
import { withSubcommands } from './subcommands.js';

export const mesos = withSubcommands('mesos', [offers], 'what the bridge to Mesos does');
