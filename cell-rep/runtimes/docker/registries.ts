/**
 * From which registries images are fetched on a user's word (design §9). The engine connects, and follows a registry's
 * own redirects, unseen: what is known here is the host that the reference names, and where it leads now.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { bareHost } from '../../../common/model/address.js';
import { OutcryError } from '../../../common/model/errors.js';
import { isRefusedAddress } from '../../../common/runtime/outbound-address.js';
import { isAllowedHost } from '../../../common/runtime/outbound-url.js';

/** As the engine tells a registry from the beginning of a reference; '' = its own. */
export const registryOf = (reference: string): string => {
  const first = reference.slice(0, Math.max(0, reference.indexOf('/')));
  const isOne = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  return isOne ? first : '';
};

const hostOf = (registry: string): string => bareHost(registry.replace(/:\d*$/, ''));

/** None when nobody here knows: the engine, which may ask elsewhere, says what it finds. */
const addressesOf = async (host: string): Promise<string[]> => {
  if (isIP(host.split('%')[0] ?? '') !== 0) return [host];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
};

/** `allowed`: `HOST:PORT`, or `HOST` for each of its ports. IMAGE_REGISTRY_REFUSED when it must not be asked. */
export const checkRegistry = async (reference: string, allowed: readonly string[]): Promise<void> => {
  const registry = registryOf(reference);
  if (registry === '' || isAllowedHost(registry, allowed)) return;
  const address = (await addressesOf(hostOf(registry))).find(isRefusedAddress);
  if (address !== undefined) throw new OutcryError('IMAGE_REGISTRY_REFUSED', { registry, address });
};
