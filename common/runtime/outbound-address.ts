/**
 * Where the platform may connect to on a user's word (downloads, callbacks): design §9. Loopback, link-local,
 * unspecified and multicast addresses are refused, by the address that is really connected to.
 */
import { lookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { bareHost } from '../model/address.js';
import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';

const refused = new BlockList();
refused.addSubnet('0.0.0.0', 8, 'ipv4');
refused.addSubnet('127.0.0.0', 8, 'ipv4');
refused.addSubnet('169.254.0.0', 16, 'ipv4');
refused.addSubnet('224.0.0.0', 4, 'ipv4');
refused.addSubnet('240.0.0.0', 4, 'ipv4');
refused.addAddress('::', 'ipv6');
refused.addAddress('::1', 'ipv6');
refused.addSubnet('fe80::', 10, 'ipv6');
refused.addSubnet('ff00::', 8, 'ipv6');
// IPv4 addresses in IPv6 clothes: compatible, NAT64 and 6to4, whose inner address is not looked at
refused.addSubnet('::', 96, 'ipv6');
refused.addSubnet('64:ff9b::', 96, 'ipv6');
refused.addSubnet('2002::', 16, 'ipv6');

/** the IPv4 address inside of `::ffff:a.b.c.d`, which Node also writes as `::ffff:7f00:1` */
const unmapped = (address: string): string => {
  const match = /^(?:::|(?:0{1,4}:){5})ffff:(.+)$/i.exec(address);
  const inner = match?.[1];
  if (inner === undefined) return address;
  if (isIP(inner) === 4) return inner;
  const [high = 0, low = 0] = inner.split(':').map((part) => parseInt(part, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
};

/** Whether nobody outside may make us connect there. Text that is no address is refused. */
export const isRefusedAddress = (address: string): boolean => {
  const plain = unmapped(address.split('%')[0] ?? '');
  const family = isIP(plain);
  return family === 0 || refused.check(plain, family === 4 ? 'ipv4' : 'ipv6');
};

export const REFUSED_CODE = 'EREFUSEDADDRESS';

const refusal = (host: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${host} is an address that must not be connected to`), { code: REFUSED_CODE });

/** A host that is an address itself is never looked up: ask this before connecting. */
export const refusedHost = (host: string): NodeJS.ErrnoException | undefined => {
  const bare = bareHost(host);
  return isIP(bare) !== 0 && isRefusedAddress(bare) ? refusal(host) : undefined;
};

/** For `net.connect`: what is resolved is what is checked is what is connected to, so that no name changes its mind between. */
export const guardedLookup: LookupFunction = (host, options, callback) => {
  lookup(host, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error) return callback(error, '');
    const bad = addresses.find(({ address }) => isRefusedAddress(address));
    const first = addresses[0];
    if (bad || !first) return callback(refusal(host), '');
    if (options.all === true) return callback(null, addresses);
    callback(null, first.address, first.family);
  });
};
