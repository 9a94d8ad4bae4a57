/** Who a load balancer says is at the other end. */
export interface ProxiedClient {
  readonly address: string;
  readonly port: number;
}

export type ProxyHeader =
  /** the header ends at `length`; undefined where the balancer speaks for itself */
  | { readonly kind: 'read'; readonly client: ProxiedClient | undefined; readonly length: number }
  /** more bytes are needed */
  | { readonly kind: 'partial' }
  /** the connection begins otherwise */
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid' };

/** The most that the header may have, both versions, with what version 2 may append. */
export const MAX_PROXY_HEADER = 16 + 2048;

const V1 = 'PROXY ';
/** the longest that version 1 allows, line end included */
const MAX_V1 = 107;
const V2 = '\r\n\r\n\0\r\nQUIT\n';

const isPort = (text: string): boolean => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
const isAddress = (family: string, address: string): boolean =>
  family === 'TCP4'
    ? /^(\d{1,3}\.){3}\d{1,3}$/.test(address) && address.split('.').every((part) => Number(part) < 256)
    : /^[\da-fA-F:.]{2,45}$/.test(address) && address.includes(':');

const readV1 = (text: string): ProxyHeader => {
  const end = text.indexOf('\r\n');
  if (end === -1) return text.length < MAX_V1 ? { kind: 'partial' } : { kind: 'invalid' };
  const length = end + 2;
  if (length > MAX_V1) return { kind: 'invalid' };
  const [, family, address, , port, destinationPort, ...more] = text.slice(0, end).split(' ');
  if (family === 'UNKNOWN') return { kind: 'read', client: undefined, length };
  if ((family !== 'TCP4' && family !== 'TCP6') || address === undefined || port === undefined) {
    return { kind: 'invalid' };
  }
  const valid = isAddress(family, address) && isPort(port) && isPort(destinationPort ?? '');
  if (!valid || more.length > 0) return { kind: 'invalid' };
  return { kind: 'read', client: { address, port: Number(port) }, length };
};

/** Groups of an address of 16 bytes; not shortened, which any reader of addresses takes. */
const ipv6 = (bytes: Uint8Array): string => {
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) {
    groups.push((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  }
  return groups.join(':');
};

const port16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

const readV2 = (bytes: Uint8Array): ProxyHeader => {
  if (bytes.length < 16) return { kind: 'partial' };
  const [command = 0, family = 0] = [bytes[12], bytes[13]];
  const rest = port16(bytes, 14);
  const length = 16 + rest;
  if (command >> 4 !== 2 || (command & 15) > 1 || length > MAX_PROXY_HEADER) return { kind: 'invalid' };
  if (bytes.length < length) return { kind: 'partial' };
  // a balancer's own probes, and what came over no network
  if ((command & 15) === 0 || (family >> 4 !== 1 && family >> 4 !== 2)) {
    return { kind: 'read', client: undefined, length };
  }
  const four = family >> 4 === 1;
  if (rest < (four ? 12 : 36)) return { kind: 'invalid' };
  const address = four ? bytes.slice(16, 20).join('.') : ipv6(bytes.slice(16, 32));
  return { kind: 'read', client: { address, port: port16(bytes, four ? 24 : 48) }, length };
};

const startsLike = (text: string, signature: string): boolean =>
  text.startsWith(signature.slice(0, Math.min(text.length, signature.length)));

/** Reads the header of the PROXY protocol, version 1 or 2, from the first bytes of a connection. */
export const readProxyHeader = (bytes: Uint8Array): ProxyHeader => {
  if (bytes.length === 0) return { kind: 'partial' };
  const text = String.fromCharCode(...bytes.subarray(0, MAX_V1));
  if (startsLike(text, V1)) return text.length < V1.length ? { kind: 'partial' } : readV1(text);
  if (startsLike(text, V2)) return text.length < V2.length ? { kind: 'partial' } : readV2(bytes);
  return { kind: 'absent' };
};
