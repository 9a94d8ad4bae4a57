import t, { type Test } from 'tap';
import { CLI_START, createFakeCli } from '../support/cli-context.js';
import { createFakeCf } from '../support/fake-cf.js';

interface Line {
  /** ns */
  time: bigint;
  text: string;
  instance?: string;
}

const START = BigInt(CLI_START) * 1_000_000n;
const MS = 1_000_000n;

const line = (ms: number, text: string): Line => ({ time: START + BigInt(ms) * MS, text });

const envelope = ({ time, text, instance = '0' }: Line) => ({
  timestamp: String(time),
  source_id: 'app-1',
  instance_id: instance,
  tags: { source_type: 'APP/PROC/WEB' },
  log: { payload: Buffer.from(text).toString('base64'), type: 'OUT' },
});

/** A log store as the API's: what it holds may grow between two looks. */
const logsOf = async (
  t: Test,
  options: { store: Line[]; onWait?: (wait: number) => void; words?: string[] },
) => {
  const { store } = options;
  const cf = await createFakeCf({
    apps: [{ name: 'web' }],
    on: {
      'GET /api/v1/read/app-1': ({ query }) => {
        const from = BigInt(query.get('start_time') ?? 0);
        const limit = Number(query.get('limit'));
        t.ok(limit > 0 && limit <= 1000);
        const sorted = [...store]
          .sort((a, b) => (a.time < b.time ? -1 : 1))
          .filter(({ time }) => time >= from);
        const page = query.get('descending') === 'true' ? sorted.reverse() : sorted;
        return { json: { envelopes: { batch: page.slice(0, limit).map(envelope) } } };
      },
    },
  });
  let waits = 0;
  const cli = createFakeCli({
    api: cf,
    onSleep(_ms, one) {
      waits += 1;
      if (options.onWait === undefined) one.interrupt();
      else options.onWait(waits);
    },
  });
  t.teardown(() => Promise.all([cf.close(), cli.close()]));
  const run = () => cli.run('logs', 'web', ...(options.words ?? []));
  return { cf, cli, run };
};

const texts = (out: string): string[] =>
  out
    .trimEnd()
    .split('\n')
    .filter((one) => one !== '')
    .map((one) => one.replace(/^.* OUT /, ''));

t.test('logs - recent lines in order, as the cf CLI shows them', async (t) => {
  const store = [line(2, 'second'), { ...line(1, 'first ä'), instance: '3' }];
  const { cli, run } = await logsOf(t, { store, words: ['--recent'] });
  t.equal(await run(), 0);
  t.equal(
    cli.out(),
    '2026-01-02T03:04:05.001+0000 [APP/PROC/WEB/3] OUT first ä\n' +
      '2026-01-02T03:04:05.002+0000 [APP/PROC/WEB/0] OUT second\n',
  );
  t.equal(cli.err(), '');
});

t.test('logs - nothing yet is said, an empty line is shown', async (t) => {
  const nothing = await logsOf(t, { store: [], words: ['--recent'] });
  t.equal(await nothing.run(), 0);
  t.equal(nothing.cli.out(), '');
  t.match(nothing.cli.err(), /nothing has been printed yet/);
  const empty = await logsOf(t, { store: [line(1, '')], words: ['--recent'] });
  await empty.run();
  t.match(empty.cli.out(), /OUT \n$/);
});

t.test('logs - following begins after what is there, and ends with Ctrl-C', async (t) => {
  const store = [line(-5000, 'old')];
  const { cli, run } = await logsOf(t, {
    store,
    onWait(wait) {
      if (wait === 1) store.push(line(0, 'new'));
      if (wait === 2) cli.interrupt();
    },
  });
  t.equal(await run(), 0);
  t.same(texts(cli.out()), ['new']);
  t.equal(cli.err(), 'following web; Ctrl-C ends it\n');
});

t.test('logs - of an application that has never printed, everything is new', async (t) => {
  const store: Line[] = [];
  const { cli, run } = await logsOf(t, {
    store,
    onWait(wait) {
      if (wait === 1) store.push(line(-1000, 'by a clock that is behind'));
      if (wait === 3) cli.interrupt();
    },
  });
  await run();
  t.same(texts(cli.out()), ['by a clock that is behind']);
});

t.test('logs - lines that arrive late or between polls are shown once', async (t) => {
  const store: Line[] = [line(-5000, 'old')];
  const expected = new Set<string>();
  const add = (ms: number, text: string): void => {
    store.push(line(ms, text));
    expected.add(text);
  };
  const { cli, run } = await logsOf(t, {
    store,
    onWait(wait) {
      const now = wait * 250;
      if (wait === 40) return cli.interrupt();
      add(now, `in time ${wait}`);
      add(now - 900, `900 ms late ${wait}`);
      if (wait % 3 === 0) add(now - 1, `just before ${wait}`);
    },
  });
  t.equal(await run(), 0);
  const shown = texts(cli.out());
  t.equal(new Set(shown).size, shown.length, 'nothing twice');
  const missing = [...expected].filter((text) => !shown.includes(text));
  t.same(missing, [], 'nothing lost');
});

t.test('logs - more lines between two polls than one answer holds', async (t) => {
  const store: Line[] = [line(-5000, 'old')];
  const { cli, run } = await logsOf(t, {
    store,
    onWait(wait) {
      if (wait === 4) return cli.interrupt();
      for (let at = 0; at < 2500; at += 1) {
        store.push({ time: START + BigInt(wait * 250) * MS + BigInt(at), text: `${wait}-${at}` });
      }
    },
  });
  await run();
  const shown = texts(cli.out());
  t.equal(shown.length, 7500);
  t.equal(new Set(shown).size, 7500);
  t.equal(shown[0], '1-0');
  t.equal(shown.at(-1), '3-2499');
});

t.test('logs - an application that is not there', async (t) => {
  const { cli } = await logsOf(t, { store: [] });
  t.equal(await cli.run('logs', 'other'), 1);
  t.match(cli.err(), /^outcry: APP_NOT_FOUND: no application 'other'; 'outcry apps' lists them\n$/);
});
