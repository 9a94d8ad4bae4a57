/** Hosts, as names or addresses, and their ports. */

export interface Address {
  /** name or address; IPv6 without brackets */
  readonly host: string;
  readonly port: number;
}

/** `HOST:PORT`, as URLs have it. */
export const addressText = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** An IPv6 address without the brackets that it has in a URL. */
export const bareHost = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

const OCTET = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const IPV4 = `127\\.${OCTET}\\.${OCTET}\\.${OCTET}`;
const LOOPBACK = new RegExp(`^(?:localhost|(?:::ffff:)?${IPV4}|::1|(?:0{1,4}:){7}0{0,3}1)$`, 'i');

/**
 * Whether only this machine reaches it there. Of names `localhost` alone: where another leads is known to whoever
 * looks it up, and not for long.
 */
export const isLoopback = (host: string): boolean => LOOPBACK.test(bareHost(host));
