import type { RawHeaders } from './request-headers.js';

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'transfer-encoding',
  'upgrade',
]);
const ALWAYS_REMOVED = 'x-cf-proxy-signature';
/** Lower case. */
export const ROUTER_ERROR = 'x-cf-routererror';
const REQUEST_ID = 'x-vcap-request-id';

const NONE: ReadonlySet<string> = new Set();

const listedBy = (connection: string): ReadonlySet<string> => {
  // what nearly every answer says
  if (connection === '' || connection === 'keep-alive' || connection === 'close') return NONE;
  const names = new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
  // lengths frame the message on the next hop too: no app may have them dropped
  names.delete('content-length');
  return names;
};

const connectionOf = (raw: RawHeaders): string => {
  let all = '';
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    all = all === '' ? (raw[at + 1] ?? '') : `${all},${raw[at + 1] ?? ''}`;
  }
  return all;
};

/** What goes to the client of an endpoint's answer. */
export const responseHeaders = (raw: RawHeaders, requestId: string): string[] => {
  const listed = listedBy(connectionOf(raw));
  const headers: string[] = [];
  let hasRequestId = false;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || lower === ALWAYS_REMOVED || listed.has(lower)) continue;
    hasRequestId ||= lower === REQUEST_ID;
    headers.push(name, raw[at + 1] ?? '');
  }
  if (!hasRequestId) headers.push('X-Vcap-Request-Id', requestId);
  return headers;
};

/** The same for an answer that switches protocols: here `Connection` and `Upgrade` are the message. */
export const upgradeHeaders = (raw: RawHeaders, protocol: string, requestId: string): string[] => [
  ...responseHeaders(raw, requestId),
  'Connection',
  'Upgrade',
  'Upgrade',
  protocol,
];
