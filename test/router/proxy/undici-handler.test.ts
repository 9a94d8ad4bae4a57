import { Duplex } from 'node:stream';
import t from 'tap';
import type { Test } from 'tap';
import { Client, Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { rawHandler } from '../../../router/proxy/undici-handler.js';
import { eventually } from '../../support/eventually.js';
import { startRawApp } from '../../support/router.js';

type Controller = Dispatcher.DispatchController;

const latin = (raw: Controller['rawHeaders']): string[] =>
  Array.isArray(raw) ? raw.map((part) => part.toString('latin1')) : [];

/** Sends a request to whoever answers with `answer`, and notes what the handler is told. */
const send = async (
  t: Test,
  answer: string,
  more: Partial<Dispatcher.DispatchOptions> = {},
  hooks: Partial<Dispatcher.DispatchHandler> = {},
) => {
  const app = await startRawApp(t, (socket) => socket.once('data', () => socket.end(answer, 'latin1')));
  const pool = new Pool(`http://127.0.0.1:${app.port}`, { connections: 1 });
  t.teardown(() => pool.destroy());
  const told: unknown[] = [];
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart: (controller) => void told.push(['start', controller.aborted, controller.paused]),
    onResponseStart: ({ rawHeaders }, status, headers, text) =>
      void told.push(['head', status, text, latin(rawHeaders), headers]),
    onResponseData: (_controller, chunk) => void told.push(['data', chunk.toString()]),
    onResponseEnd: ({ rawTrailers }) => void told.push(['end', latin(rawTrailers)]),
    onRequestUpgrade: ({ rawHeaders }, status, _headers, socket) =>
      void told.push(['upgrade', status, latin(rawHeaders), socket instanceof Duplex]),
    onResponseError: (_controller, error) => void told.push(['error', error.message]),
    ...hooks,
  };
  pool.dispatch({ path: '/', method: 'GET', ...more }, rawHandler(handler));
  const until = (event: string) =>
    eventually(() => told.some((one) => (one as unknown[])[0] === event), { what: event });
  return { told, until };
};

const HEAD = 'HTTP/1.1 200 Fine\r\nX-One: \xe9\r\nx-ONE: 2\r\nTransfer-Encoding: chunked\r\n';

void t.test('undici handler - headers and trailers as they came, not read into objects', async (t) => {
  const { told, until } = await send(t, `${HEAD}\r\n2\r\nhi\r\n0\r\nX-End: 1\r\nx-end: 2\r\n\r\n`);
  await until('end');
  t.same(told, [
    ['start', false, false],
    ['head', 200, 'Fine', ['X-One', '\xe9', 'x-ONE', '2', 'Transfer-Encoding', 'chunked'], {}],
    ['data', 'hi'],
    ['end', ['X-End', '1', 'x-end', '2']],
  ]);
});

void t.test('undici handler - interim answers are told before the one', async (t) => {
  const { told, until } = await send(t, `HTTP/1.1 103 Early\r\nLink: x\r\n\r\n${HEAD}\r\n0\r\n\r\n`);
  await until('end');
  t.same(
    told.map((one) => (one as unknown[]).slice(0, 2)),
    [
      ['start', false],
      ['head', 103],
      ['head', 200],
      ['end', []],
    ],
  );
});

void t.test('undici handler - a switch of protocols', async (t) => {
  const answer = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
  const { told, until } = await send(t, answer, { upgrade: 'x' });
  await until('upgrade');
  t.same(told.at(-1), ['upgrade', 101, ['Connection', 'Upgrade', 'Upgrade', 'x'], true]);
});

void t.test('undici handler - who pauses is told nothing until it resumes', async (t) => {
  let controller: Controller | undefined;
  const seen: string[] = [];
  const { until } = await send(
    t,
    `${HEAD}\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n`,
    {},
    {
      onResponseData(given, chunk) {
        controller = given;
        seen.push(chunk.toString());
        given.pause();
      },
    },
  );
  const paused = await eventually(() => controller);
  t.same(seen, ['a']);
  t.equal(paused.paused, true);
  paused.resume();
  paused.resume();
  await eventually(() => seen.length === 2);
  paused.resume();
  await until('end');
});

void t.test('undici handler - an abort, and only the first, is the error', async (t) => {
  const { told, until } = await send(
    t,
    `${HEAD}\r\n1\r\na\r\n`,
    {},
    {
      onResponseData(controller) {
        controller.abort(new Error('enough'));
        controller.abort(new Error('again'));
        t.equal(controller.aborted, true);
        t.equal(controller.reason?.message, 'enough');
      },
    },
  );
  await until('error');
  t.same(told.at(-1), ['error', 'enough']);
});

void t.test('undici handler - an abort before anything was written', async (t) => {
  const app = await startRawApp(t, () => undefined);
  const client = new Client(`http://127.0.0.1:${app.port}`);
  t.teardown(() => client.destroy());
  const errors: string[] = [];
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart: (controller) => controller.abort(new Error('never mind')),
    onResponseError: (_controller, error) => void errors.push(error.message),
  };
  client.dispatch({ path: '/', method: 'GET' }, rawHandler(handler));
  await eventually(() => errors.length > 0);
  t.same(errors, ['never mind']);
});
