import type { Draft, MasterInfo } from '../../protocol/messages.js';
import type { Master, MasterAddress } from './state.js';

export const VERSION = '1.12.0';

/** An IPv4 address as a number in network byte order, read as the machines that Mesos runs on do. */
const ipNumber = (ip: string): number =>
  ip.split('.').reduceRight((number, part) => number * 256 + (Number(part) || 0), 0);

const pidOf = ({ ip, port }: MasterAddress): string => `master@${ip}:${port}`;

export const masterInfo = ({ id, address, flags }: Master): Draft<MasterInfo> => ({
  id,
  ip: ipNumber(address.ip),
  port: address.port,
  pid: pidOf(address),
  hostname: address.hostname,
  version: VERSION,
  address: { hostname: address.hostname, ip: address.ip, port: address.port },
  ...(flags.domain && { domain: flags.domain }),
  capabilities: [{ type: 'AGENT_UPDATE' }, { type: 'AGENT_DRAINING' }, { type: 'QUOTA_V2' }],
});
