import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

const TEXT = 'text/plain; charset=utf-8';

/** Mesos keeps connections open without saying so. */
const plain = (response: ServerResponse): void => {
  if (response.shouldKeepAlive) response.removeHeader('connection');
};

export const answer = (
  response: ServerResponse,
  status: number,
  body: string | Uint8Array = '',
  headers: OutgoingHttpHeaders = {},
): void => {
  if (response.headersSent || response.destroyed) return;
  plain(response);
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const type = typeof body === 'string' && body !== '' ? { 'Content-Type': TEXT } : {};
  response.writeHead(status, { ...type, ...headers, 'Content-Length': bytes.length });
  response.end(bytes);
};

export const answerNotFound = (response: ServerResponse): void => answer(response, 404, '404 Not Found.');

export const answerMethod = (response: ServerResponse, method: string | undefined): void =>
  answer(
    response,
    405,
    `405 Method Not Allowed. Expecting one of { 'POST' }, but received '${method ?? ''}'.`,
    { Allow: 'POST' },
  );

export const answerUnauthorized = (response: ServerResponse, realm: string): void =>
  answer(response, 401, '401 Unauthorized.', { 'WWW-Authenticate': `Basic realm="${realm}"` });

/** Headers of a stream; its body follows, one chunk a record. */
export const openStream = (response: ServerResponse, headers: OutgoingHttpHeaders): void => {
  plain(response);
  response.writeHead(200, { 'Transfer-Encoding': 'chunked', ...headers });
  response.flushHeaders();
};
