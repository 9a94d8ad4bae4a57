import t from 'tap';
import { createHttpCallbacks } from '../../bbs/http-callbacks.js';
import type { Task } from '../../common/model/task.js';
import { must, openBoard, taskDefinition } from '../support/bbs.js';
import type { TestBoard } from '../support/bbs.js';
import { eventually } from '../support/eventually.js';
import { openHttpTarget } from '../support/http-target.js';
import { samplesOf } from '../support/metrics.js';
import type { HttpTarget } from '../support/http-target.js';

type Test = { teardown(task: () => unknown): unknown };

interface Opened {
  board: TestBoard;
  target: HttpTarget;
}

const open = async (t: Test, config: Record<string, unknown> = {}): Promise<Opened> => {
  const target = await openHttpTarget();
  const board = await openBoard({ config: { task_callback_hosts: [target.host], ...config } });
  t.teardown(async () => {
    await board.close();
    await target.close();
  });
  await board.renew('cell-1');
  return { board, target };
};

const desire = async ({ board, target }: Opened, taskGuid = 'task', path = '/done'): Promise<void> => {
  const definition = taskDefinition({ completionCallbackUrl: target.url + path, annotation: 'note' });
  must(await board.board.desireTask({ taskGuid, domain: 'd', definition }, ''));
};

const complete = async ({ board }: Opened, taskGuid = 'task', result = 'hello\n'): Promise<void> => {
  must(await board.board.startTask(taskGuid, 'cell-1', ''));
  const outcome = { failed: false, failureReason: '', result };
  must(await board.board.completeTask({ taskGuid, cellId: 'cell-1', ...outcome }, 'trace'));
};

const taskOf = ({ board }: Opened, taskGuid = 'task'): Task | undefined =>
  board.store.committed.tasks.get(taskGuid);
const isGone = (opened: Opened, taskGuid = 'task') => eventually(() => !taskOf(opened, taskGuid));
/** its attempts are over, without success */
const isLeft = ({ board }: Opened, times = 1) =>
  eventually(() => board.logger.named('task-callback.failed').length >= times);

t.test('callback - an outcome is told, resolving first, and the task deleted', async (t) => {
  const opened = await open(t);
  await desire(opened);
  const createdAt = taskOf(opened)?.createdAt;
  await complete(opened);
  await isGone(opened);
  const [request, ...more] = opened.target.received;
  t.same(more, []);
  t.match(request, { method: 'POST', url: '/done', headers: { 'content-type': 'application/json' } });
  t.same(JSON.parse(request?.body ?? ''), {
    task_guid: 'task',
    failed: false,
    failure_reason: '',
    result: 'hello\n',
    annotation: 'note',
    created_at: createdAt,
  });
  const told = opened.board.events.flatMap((event) =>
    event.kind === 'task_changed' ? [event.after.state] : [],
  );
  t.same(told, ['Running', 'Completed', 'Resolving']);
  t.equal(opened.board.events.at(-1)?.kind, 'task_removed');
});

t.test('callback - every way in which a task ends is told', async (t) => {
  const opened = await open(t, { max_task_retries: 0 });
  const { board } = opened.board;
  const ends: Record<string, () => Promise<unknown>> = {
    'task was cancelled': () => board.cancelTask('task', ''),
    'by hand': () => board.failTask('task', 'by hand', ''),
    'no room': () => board.rejectTask('task', 'no room', ''),
  };
  for (const [reason, end] of Object.entries(ends)) {
    await desire(opened);
    await end();
    await isGone(opened);
    const { body = '{}' } = opened.target.received.at(-1) ?? {};
    t.match(JSON.parse(body), { failed: true, failure_reason: reason });
  }
  t.equal(opened.target.received.length, 3);
});

t.test('callback - 503 and 504 are tried three times, any other status once', async (t) => {
  for (const [status, attempts] of [
    [503, 3],
    [504, 3],
    [500, 1],
    [404, 1],
    [200, 1],
  ] as const) {
    const opened = await open(t);
    opened.target.answer = (_request, response) => void response.writeHead(status).end();
    await desire(opened);
    await complete(opened);
    if (attempts === 1) await isGone(opened);
    else await isLeft(opened);
    t.equal(opened.target.received.length, attempts, `${status}`);
    t.equal(taskOf(opened)?.state, attempts === 1 ? undefined : 'Resolving');
  }
});

t.test('callback - what was not told is demoted, tried again, and forgotten after 120 s', async (t) => {
  const opened = await open(t);
  const { board, target } = opened;
  target.answer = (_request, response) => void response.writeHead(503).end();
  await desire(opened);
  await complete(opened);
  await isLeft(opened);
  await board.clock.advance(61_000);
  await eventually(() => taskOf(opened)?.state === 'Completed');
  t.equal(target.received.length, 3, 'not before it has rested once more');
  await board.clock.advance(60_000);
  await isLeft(opened, 2);
  t.equal(target.received.length, 6);
  t.match(await samplesOf(board.metrics), { TaskCallbacksFailed: 2, TaskCallbacksSucceeded: 0 });
  target.answer = (_request, response) => void response.end();
  await board.clock.advance(120_000);
  await isGone(opened);
});

t.test('callback - a slow one is given up and tried again', async (t) => {
  const opened = await open(t, { task_callback_timeout: '50ms' });
  opened.target.answer = () => undefined;
  await desire(opened);
  await complete(opened);
  await isLeft(opened);
  t.equal(opened.target.received.length, 3);
  t.match(opened.board.logger.named('task-callback.failed')[0], {
    fields: { code: 'TASK_CALLBACK_FAILED', message: /task.*could not be told to http:.*\/done/ },
  });
});

t.test(
  'callback - one that was demoted while it was under way is done with when it is answered',
  async (t) => {
    const opened = await open(t);
    let release = (): void => undefined;
    opened.target.answer = (_request, response) => {
      release = () => void response.end();
    };
    await desire(opened);
    await complete(opened);
    await eventually(() => opened.target.received.length === 1);
    await opened.board.clock.advance(61_000);
    t.equal(taskOf(opened)?.state, 'Completed', 'demoted');
    release();
    await isGone(opened);
    t.equal(opened.target.received.length, 1);
  },
);

t.test('callback - never more at once than there are workers', async (t) => {
  const opened = await open(t, { task_callback_workers: 2 });
  const waiting: (() => void)[] = [];
  let most = 0;
  opened.target.answer = (_request, response) => {
    waiting.push(() => void response.end());
    most = Math.max(most, waiting.length);
  };
  const guids = ['a', 'b', 'c', 'd', 'e'];
  for (const guid of guids) await desire(opened, guid);
  for (const guid of guids) await complete(opened, guid);
  for (const count of [1, 2, 3, 4, 5]) {
    await eventually(() => waiting.length > 0 || opened.target.received.length >= count);
    await eventually(() => waiting.length > 0);
    waiting.shift()?.();
  }
  await eventually(() => guids.every((guid) => !taskOf(opened, guid)));
  t.equal(most, 2);
});

t.test('callback - a task without one waits for whoever wants it', async (t) => {
  const opened = await open(t);
  must(
    await opened.board.board.desireTask({ taskGuid: 'task', domain: 'd', definition: taskDefinition() }, ''),
  );
  await complete(opened);
  await opened.board.clock.advance(61_000);
  t.equal(taskOf(opened)?.state, 'Completed');
  t.equal(
    opened.board.logger.events.some(({ event }) => event.includes('task-callback')),
    false,
  );
});

t.test('callback - stopping gives up what is under way', async (t) => {
  const opened = await open(t);
  opened.target.answer = () => undefined;
  await desire(opened);
  await complete(opened);
  await eventually(() => opened.target.received.length === 1);
  await opened.board.withdraw();
  t.equal(taskOf(opened)?.state, 'Resolving');
});

t.test('callback - nobody is called at an address that is not ours to call', async (t) => {
  const target = await openHttpTarget();
  const { port } = new URL(target.url);
  const guarded = createHttpCallbacks({ allowedHosts: [], timeoutMs: 5_000 });
  const allowed = createHttpCallbacks({ allowedHosts: [target.host], timeoutMs: 5_000 });
  t.teardown(() => Promise.all([guarded.close(), allowed.close(), target.close()]));
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '0x7f.1', '[::ffff:127.0.0.1]', '169.254.169.254']) {
    const attempt = await guarded.send(`http://${host}:${port}/`, {});
    t.match(attempt, { kind: 'failed', reason: /must not be connected to/ }, host);
  }
  t.match(await guarded.send('ftp://example.org/', {}), { kind: 'failed', reason: /only http and https/ });
  t.match(await guarded.send('nonsense', {}), { kind: 'failed', reason: 'not a URL' });
  t.equal(target.received.length, 0);
  t.same(await allowed.send(target.url, { a: 1 }), { kind: 'answered', status: 200 });
});

t.test('callback - redirects are checked like the first address', async (t) => {
  const target = await openHttpTarget();
  const sender = createHttpCallbacks({ allowedHosts: [target.host], timeoutMs: 5_000 });
  t.teardown(() => Promise.all([sender.close(), target.close()]));
  const { port } = new URL(target.url);
  const places: Record<string, string> = {
    '/away': `http://localhost:${port}/x`,
    '/again': `${target.url}/done`,
    '/loop': '/loop',
  };
  target.answer = ({ url }, response) => {
    const location = places[url];
    const status = url === '/again' ? 307 : 302;
    if (location === undefined) response.end();
    else response.writeHead(status, { location }).end();
  };
  t.match(await sender.send(`${target.url}/away`, {}), {
    kind: 'failed',
    reason: /must not be connected to/,
  });
  t.match(await sender.send(`${target.url}/loop`, {}), { kind: 'failed', reason: /redirects/ });
  target.received.length = 0;
  t.same(await sender.send(`http://me:secret@${target.host}/again`, { a: 1 }), {
    kind: 'answered',
    status: 200,
  });
  t.match(target.received, [
    { method: 'POST', url: '/again', headers: { authorization: 'Basic bWU6c2VjcmV0' }, body: '{"a":1}' },
    { method: 'POST', url: '/done', body: '{"a":1}' },
  ]);
});
