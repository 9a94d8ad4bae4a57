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
const REQUEST_ID = 'x-vcap-request-id';

const listedByConnection = (raw: RawHeaders): Set<string> => {
  const names = new Set<string>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (raw[at]?.toLowerCase() !== 'connection') continue;
    for (const name of (raw[at + 1] ?? '').toLowerCase().split(',')) names.add(name.trim());
  }
  return names;
};

/** What goes to the client of an endpoint's answer. */
export const responseHeaders = (raw: RawHeaders, requestId: string): string[] => {
  const listed = listedByConnection(raw);
  const headers: string[] = [];
  let hasRequestId = false;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || lower === ALWAYS_REMOVED) continue;
    // lengths frame the message on the next hop too: no app may have them dropped
    if (listed.has(lower) && lower !== 'content-length') continue;
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
