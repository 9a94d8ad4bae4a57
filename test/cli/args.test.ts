import t, { type Test } from 'tap';
import { OutcryError } from '../../common/model/errors.js';
import { readArgs, readCount, readSize } from '../../cli/args.js';
import { COMMANDS } from '../../cli/commands/index.js';
import { type FakeCli, createFakeCli } from '../support/cli-context.js';

const SPEC = {
  usage: 'do NAME [COMMAND] [-i N]',
  options: { instances: { type: 'string', short: 'i' }, force: { type: 'boolean', short: 'f' } },
  words: ['NAME', '[COMMAND]'],
} as const;

const problemOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof OutcryError && error.code === 'USAGE') return String(error.details.problem);
    throw error;
  }
  return 'no error';
};

t.test('args - words and options are read, those in brackets may be left out', async (t) => {
  const both = readArgs(SPEC, ['a', '-i', '3', 'b']);
  t.same(both.positionals, ['a', 'b']);
  t.equal(both.values.instances, '3');
  t.same(readArgs(SPEC, ['a']).positionals, ['a']);
});

t.test('args - what is wrong is said, and the usage with it', async (t) => {
  const cases: [string[], RegExp][] = [
    [[], /^NAME is missing$/],
    [['a', 'b', 'c'], /^unexpected 'c'$/],
    [['a', '--instance', '3'], /^Unknown option '--instance' \(did you mean '--instances'\?\)$/],
    [['a', '--zzz'], /^Unknown option '--zzz'$/],
    [['a', '-z'], /^Unknown option '-z'$/],
    [['a', '-i'], /^the value of -i is missing, or begins with a dash$/],
    [['a', '-i', '-1'], /^the value of -i is missing, or begins with a dash$/],
    [['a', '--force=yes'], /does not take an argument/],
  ];
  for (const [args, expected] of cases) {
    t.match(
      problemOf(() => readArgs(SPEC, args)),
      expected,
      args.join(' '),
    );
  }
});

t.test('args - numbers are whole and within their bounds', async (t) => {
  const option = { name: '-i', min: 1, max: 10, usage: 'do' };
  t.equal(readCount(undefined, option), undefined);
  t.equal(readCount('10', option), 10);
  for (const wrong of ['0', '11', '1.5', '1e1', '', 'x', ' 3']) {
    t.equal(
      problemOf(() => readCount(wrong, option)),
      `-i takes a whole number from 1 to 10, not '${wrong}'`,
    );
  }
});

t.test('args - sizes have a unit', async (t) => {
  const option = { name: '-m', usage: 'do' };
  t.equal(readSize('64M', option), 64);
  t.equal(readSize('1.5g', option), 1536);
  t.equal(readSize(undefined, option), undefined);
  for (const wrong of ['64', '0M', '-1M', 'x', '64 apples']) {
    t.match(
      problemOf(() => readSize(wrong, option)),
      /^-m must be .*, not '/,
      wrong,
    );
  }
});

const cliFor = (t: Test): FakeCli => {
  const cli = createFakeCli();
  t.teardown(() => cli.close());
  return cli;
};

t.test('args - every command refuses what it does not know, before it asks anybody', async (t) => {
  const wrong = [
    ['push', '--bogus'],
    ['push', 'a', 'b'],
    ['push', '.', '-i', 'x'],
    ['push', '.', '-m', '64'],
    ['push', '.', '-k', 'much'],
    ['push', '.', '-u', 'tcp'],
    ['push', '.', '-t', '0'],
    ['push', '.', '--endpoint', 'health'],
    ['push', '.', '--no-route', '--random-route'],
    ['apps', 'extra'],
    ['app'],
    ['app', 'a', 'b'],
    ['scale', 'a'],
    ['scale', 'a', '-i', '-1'],
    ['scale', 'a', '-i', '100001'],
    ['logs'],
    ['logs', 'a', '--tail'],
    ['start'],
    ['stop', 'a', 'b'],
    ['restart', '--now', 'a'],
    ['delete'],
    ['run-task', 'a'],
    ['run-task', 'a', 'ls', '-c', 'ls'],
    ['run-task', 'a', 'ls', '-m', '12'],
    ['tasks'],
    ['cells', 'all'],
    ['lrp'],
    ['lrp', 'wish', 'x'],
    ['lrp', 'constructor', 'x'],
    ['lrp', 'update', 'guid'],
    ['lrp', 'get', 'a', 'b'],
    ['task', 'desire'],
    ['task', 'get', 'x'],
    ['up', '--cells', '0'],
    ['up', '--api-port', '70000'],
  ];
  for (const words of wrong) {
    const cli = cliFor(t);
    t.equal(await cli.run(...words), 1, words.join(' '));
    t.match(cli.err(), /^outcry: USAGE: [^\n]+; usage: outcry [^\n]+\n$/, words.join(' '));
    t.equal(cli.out(), '');
  }
});

t.test('args - an unknown command names the one that was meant', async (t) => {
  const cli = cliFor(t);
  t.equal(await cli.run('scael', 'a'), 1);
  t.match(cli.err(), /^outcry: COMMAND_UNKNOWN: no command 'scael'; did you mean 'outcry scale'\?/);
});

t.test('help - of all, and of every command by itself', async (t) => {
  const all = cliFor(t);
  t.equal(await all.run(), 0);
  t.match(all.out(), /outcry push \[DIR \| NAME -o IMAGE\] …\s+upload a directory, or name an image/);
  for (const words of [
    ['push', '--help'],
    ['help', 'push'],
    ['push', '-h'],
  ]) {
    const cli = cliFor(t);
    t.equal(await cli.run(...words), 0);
    t.match(cli.out(), /^usage: outcry push \[DIR \| NAME -o IMAGE\] \[OPTIONS\]\n/);
    t.match(cli.out(), /^ {2}-i INSTANCES +how many$/m);
    t.equal(cli.err(), '');
  }
  const unknown = cliFor(t);
  t.equal(await unknown.run('help', 'nothing'), 1);
});

t.test('help - no line is wider than it may be', async (t) => {
  for (const columns of [100, 60]) {
    for (const words of [['help'], ...COMMANDS.map(({ name }) => ['help', name])]) {
      const cli = createFakeCli({ columns });
      t.teardown(() => cli.close());
      t.equal(await cli.run(...words), 0);
      const wide = cli
        .out()
        .split('\n')
        .filter((line) => line.length > columns);
      t.same(wide, [], words.join(' '));
      const command = COMMANDS.find(({ name }) => name === words[1]);
      for (const word of command?.summary.split(' ') ?? []) t.ok(cli.out().includes(word));
    }
  }
});

t.test('help - every option of push that is read is told of', async (t) => {
  const { OPTIONS, MEANINGS } = await import('../../cli/push/options.js');
  const told = MEANINGS.map(([option]) => option.split(/[ ,]/)[0]);
  for (const [name, option] of Object.entries(OPTIONS)) {
    const short = 'short' in option ? `-${option.short}` : undefined;
    t.ok(told.includes(`--${name}`) || (short !== undefined && told.includes(short)), name);
  }
});
