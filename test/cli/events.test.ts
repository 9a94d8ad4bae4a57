import t from 'tap';
import { startApi } from '../support/api.js';
import { desiredLrp, KEY, must, ONE, openBoard, startOf, taskDefinition } from '../support/bbs.js';
import { createFakeCli } from '../support/cli-context.js';

t.test('events - what happened, by every name that a thing has', async (t) => {
  const test = await openBoard({ converge: false });
  const api = await startApi(t);
  Object.assign(api.bbs.client, { history: test.board.history });
  const cli = createFakeCli({ api: { url: api.url(), token: api.api().token() } });
  t.teardown(async () => {
    await cli.close();
    await test.close();
  });
  const { board } = test;
  must(await board.desireLrp(desiredLrp({ instances: 2 }), ''));
  must(await board.claimActualLrp({ key: KEY, instanceKey: ONE }, ''));
  must(await board.startActualLrp(startOf(ONE), ''));
  must(await board.crashActualLrp({ key: KEY, instanceKey: ONE, reason: 'exit status 1' }, ''));
  must(await board.desireTask({ taskGuid: 'job', domain: 'tasks', definition: taskDefinition() }, ''));

  t.equal(await cli.run('events', 'app'), 0);
  const lines = cli.out().trimEnd().split('\n');
  t.match(lines, [
    /^when +instance +what$/,
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +desired, with 2 instances$/,
    /Z +#0 to #1 +waits for a place$/,
    /Z +#0 +taken by cell-1$/,
    /Z +#0 +runs on cell-1$/,
    /Z +#0 +crashed on cell-1 \(1 in a row\): exit status 1$/,
  ]);
  for (const name of ['app.1', 'app/1']) {
    t.equal(await cli.run('events', name), 0);
    t.match(cli.out(), /desired, with 2 instances\n[^\n]*waits for a place\n$/, name);
  }
  t.equal(await cli.run('events', 'job'), 0);
  t.match(cli.out(), /Z +submitted\n$/);
  t.equal(await cli.run('events', 'one', '-n', '1'), 0);
  t.match(cli.out(), /when +instance +what\n[^\n]+ #0 +crashed on cell-1[^\n]+\n$/);
  t.equal(await cli.run('events', 'app', '--json', '-n', '1'), 0);
  const from = cli.out().lastIndexOf('\n{\n');
  t.match(JSON.parse(cli.out().slice(from)), {
    entries: [
      { what: 'crashed', guid: 'app', index: 0, cell_id: 'cell-1', count: 1, reason: 'exit status 1' },
    ],
  });
});

t.test('events - of whom nothing is known, and what is asked wrongly', async (t) => {
  const test = await openBoard({ converge: false });
  const api = await startApi(t);
  Object.assign(api.bbs.client, { history: test.board.history });
  const cli = createFakeCli({ api: { url: api.url(), token: api.api().token() } });
  t.teardown(async () => {
    await cli.close();
    await test.close();
  });
  t.equal(await cli.run('events', 'nobody'), 1);
  t.match(cli.err(), /^outcry: EVENTS_UNKNOWN: nothing is known to have happened to 'nobody'; /);
  t.equal(await cli.run('events'), 1);
  t.equal(await cli.run('events', 'app', '-n', 'many'), 1);
  t.match(cli.errors(), [/EVENTS_UNKNOWN/, /USAGE: NAME is missing/, /USAGE: -n takes a whole number/]);
  t.equal((await api.call('GET', '/outcry/v1/events/app?limit=0')).status, 422);
});
