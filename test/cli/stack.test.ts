import t, { type Test } from 'tap';
import { createFakeCli } from '../support/cli-context.js';

const run = async (t: Test, words: string[], env: Record<string, string> = {}): Promise<string[]> => {
  const cli = createFakeCli({ cwd: t.testdirName, env });
  t.teardown(() => cli.close());
  t.equal(await cli.run('stack', ...words), 1);
  t.equal(cli.out(), '');
  return cli.errors();
};

t.test('stack - says how it is used', async (t) => {
  t.match(await run(t, []), [/^outcry: USAGE: build is missing; usage: outcry stack build /]);
  t.match(await run(t, ['show']), [/^outcry: USAGE: unexpected 'show'; usage: /]);
  t.match(await run(t, ['build', '--to', 'x']), [/^outcry: USAGE: Unknown option '--to'/]);
});

t.test(
  'stack - where no engine is, one line says it, with a code',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const socket = `${t.testdirName}/none.sock`;
    const unreachable =
      /^outcry: DOCKER_UNREACHABLE: no Docker engine answers at .*none\.sock: there is no socket; start/;
    t.match(await run(t, ['build', '--engine', socket]), [unreachable]);
    t.match(await run(t, ['build'], { DOCKER_HOST: `unix://${socket}` }), [unreachable]);
    t.match(await run(t, ['build'], { DOCKER_HOST: 'ssh://somewhere' }), [/^outcry: DOCKER_HOST_INVALID: /]);
  },
);

t.test('up - a runtime that is not one', async (t) => {
  const cli = createFakeCli({ cwd: t.testdirName });
  t.teardown(() => cli.close());
  t.equal(await cli.run('up', '--runtime', 'podman'), 1);
  t.match(cli.errors(), [/^outcry: USAGE: --runtime takes docker or process, not 'podman'/]);
});
