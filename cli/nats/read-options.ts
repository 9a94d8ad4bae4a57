/** Options that `outcry nats-config` and `outcry config init` both take. */
import type { Address } from '../../common/model/address.js';
import { usageError } from '../args.js';
import { parseAddress, planServers, problemOfServers } from './plan.js';
import type { PlannedServer } from './plan.js';

/** An option as it was given, and the usage to show when it is wrong. */
interface Given {
  readonly option: string;
  readonly text: string;
  readonly usage: string;
}

/** `HOST:PORT,…` */
export const readAddresses = ({ option, text, usage }: Given): Address[] =>
  text.split(',').map((part) => {
    const address = parseAddress(part.trim());
    if (address.ok) return address.value;
    throw usageError(usage, `${option}: ${address.error}`);
  });

/** Servers that components and other servers can reach; `routes` in the same order, or empty. */
export const readServers = (
  clients: readonly Address[],
  routes: readonly Address[],
  usage: string,
): PlannedServer[] => {
  const planned = planServers(clients, routes);
  const problem = problemOfServers(planned);
  if (problem !== undefined) throw usageError(usage, problem);
  return planned;
};

/** What becomes of files that are there. */
export const readExisting = (
  { force = false, update = false }: { force?: boolean | undefined; update?: boolean | undefined },
  usage: string,
): 'refuse' | 'replace' | 'update' => {
  if (force && update) throw usageError(usage, 'give --force or --update, not both');
  if (force) return 'replace';
  return update ? 'update' : 'refuse';
};
