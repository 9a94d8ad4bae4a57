import { OutcryError } from '../../../common/model/errors.js';
import { err, ok } from '../../../common/model/result.js';
import type { Result } from '../../../common/model/result.js';

/** Where masters are to be found. */
export type MastersAddress =
  | { readonly is: 'list'; readonly masters: readonly string[] }
  | {
      readonly is: 'zookeeper';
      /** `host:port` each */
      readonly servers: readonly string[];
      /** node below which the masters stand for election: `/mesos` */
      readonly path: string;
      /** `user:password`; '' = none */
      readonly credentials: string;
    };

const HOST_PORT = /^(?:[^\s:/@[\]]+|\[[0-9a-fA-F:.]+\]):\d{1,5}$/;

const hostsIn = (text: string): Result<readonly string[], string> => {
  const hosts = text.split(',').map((host) => host.trim());
  const wrong = hosts.find((host) => !HOST_PORT.test(host) || Number(host.split(':').at(-1)) > 65_535);
  return wrong === undefined
    ? ok(hosts)
    : err(wrong === '' ? 'an address is absent' : `"${wrong}" is no HOST:PORT`);
};

const zookeeper = (rest: string): Result<MastersAddress, string> => {
  const at = rest.lastIndexOf('@');
  const [credentials, place] = at < 0 ? ['', rest] : [rest.slice(0, at), rest.slice(at + 1)];
  const slash = place.indexOf('/');
  if (slash < 0) return err('the path of the election is absent, as in zk://HOST:PORT/mesos');
  const path = place.slice(slash).replace(/\/+$/, '');
  if (path === '' || path.includes('//'))
    return err('the path of the election is absent, as in zk://HOST:PORT/mesos');
  if (at >= 0 && !/^[^:]+:.+$/s.test(credentials)) return err('before the "@" there must be USER:PASSWORD');
  const servers = hostsIn(place.slice(0, slash));
  return servers.ok ? ok({ is: 'zookeeper', servers: servers.value, path, credentials }) : servers;
};

/** `HOST:PORT,HOST:PORT` or `zk://[USER:PASSWORD@]HOST:PORT,…/PATH`; otherwise what is wrong with it. */
export const parseMasters = (text: string): Result<MastersAddress, string> => {
  const trimmed = text.trim();
  if (trimmed.startsWith('zk://')) return zookeeper(trimmed.slice('zk://'.length));
  const masters = hostsIn(trimmed);
  return masters.ok ? ok({ is: 'list', masters: masters.value }) : masters;
};

/** The password is nobody's business. */
const withoutCredentials = (text: string): string => text.replace(/^(\s*zk:\/\/).*@/s, '$1…@');

/** The same for a setting of an operator's: MESOS_MASTERS_INVALID when it cannot be used. */
export const needMasters = (text: string): MastersAddress => {
  const address = parseMasters(text);
  if (address.ok) return address.value;
  throw new OutcryError('MESOS_MASTERS_INVALID', {
    masters: withoutCredentials(text),
    reason: address.error,
  });
};
