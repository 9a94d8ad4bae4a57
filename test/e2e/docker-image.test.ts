import { Readable } from 'node:stream';
import t from 'tap';
import { withDockerEngine } from '../support/docker-engine.js';
import type { DockerEngine } from '../support/docker-engine.js';
import { startDockerSystem } from '../support/docker-system.js';
import { eventually } from '../support/eventually.js';
import { outcry, visit } from '../support/one-process.js';

/** Tells whoever asks as whom it runs, where, and with what. */
const TELLS = `require('http').createServer((_, answer) => answer.end(JSON.stringify({
  uid: process.getuid(), dir: process.cwd(), port: process.env.PORT, colour: process.env.COLOUR,
  app: JSON.parse(process.env.VCAP_APPLICATION).application_name,
}))).listen(process.env.PORT)`.replaceAll(/\s+/g, ' ');

const suite = async (engine: DockerEngine): Promise<void> => {
  await engine.derive('team/tells', [
    'ENV COLOUR=blue',
    'EXPOSE 9000 9001',
    'WORKDIR /tmp',
    'USER vcap',
    'ENTRYPOINT ["node", "-e"]',
    `CMD ${JSON.stringify([TELLS])}`,
  ]);
  const system = await startDockerSystem(engine);
  t.teardown(() => system.stop());
  const run = (...words: string[]) => outcry(system.dir, ...words);
  const told = async (app: string): Promise<unknown> => {
    const answer = await visit(system, app);
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`);
    return JSON.parse(answer.body);
  };

  t.test('image - runs by itself as its own user, and answers at the port that it exposes', async (t) => {
    const pushed = await run('push', 'web', '-o', 'team/tells', '-m', '64M', '-i', '2');
    t.equal(pushed.code, 0, pushed.output);
    t.match(pushed.output, /staged +runs node -e 'require/);
    t.match(pushed.output, /2 of 2 running/);
    t.same(await eventually(() => told('web')), {
      uid: 2000,
      dir: '/tmp',
      port: '9000',
      colour: 'blue',
      app: 'web',
    });
  });

  t.test('image - its tasks run in it', async (t) => {
    const task = await run('run-task', 'web', 'id -u; pwd; echo $COLOUR', '--wait', '-m', '32M');
    t.equal(task.code, 0, task.output);
    await eventually(async () => {
      const { output } = await run('logs', 'web', '--recent');
      return /\[APP\/TASK.*2000\n.*\/tmp\n.*blue\n/s.test(output) || Promise.reject(new Error(output));
    });
  });

  t.test('image - pushed again with a command and an environment of the user’s, which win', async (t) => {
    const command = `COMMAND=own exec node -e "${TELLS}"`;
    const again = await run('push', 'web', '-o', 'team/tells', '-m', '64M', '-i', '1', '-c', command);
    t.equal(again.code, 0, again.output);
    t.match(again.output, /staged +runs COMMAND=own/);
    t.match(await eventually(() => told('web')), { uid: 2000, dir: '/tmp', port: '9000' });
  });

  t.test('image - without a user, a place and ports of its own it is root in / at 8080', async (t) => {
    const pushed = await run('push', 'plain', '-o', engine.image, '-m', '64M', '-c', `node -e "${TELLS}"`);
    t.equal(pushed.code, 0, pushed.output);
    t.match(await eventually(() => told('plain')), { uid: 0, dir: '/', port: '8080', app: 'plain' });
  });

  t.test('image - one that cannot be had is said, and nothing is left of the push', async (t) => {
    const pushed = await run('push', 'none', '-o', '127.0.0.1:9/none');
    t.equal(pushed.code, 1);
    t.match(
      pushed.output,
      /STAGING_FAILED: .*StagingError - the image 127\.0\.0\.1:9\/none cannot be used: /,
    );
    t.match(pushed.output, /nothing listens at its registry's 127\.0\.0\.1:9\b/);
    t.match(pushed.output, /undone +none is removed again/);
    const inner = await run('push', 'none', '-o', 'localhost:9/none');
    t.equal(inner.code, 1);
    t.match(
      inner.output,
      /the image localhost:9\/none cannot be used: IMAGE_REGISTRY_REFUSED: .*docker\.registries/,
    );
    // of an archive with nothing in it: what is derived from the stack has its command
    const nothing = Readable.from([Buffer.alloc(1024)], { objectMode: false });
    (await engine.client.importImage(nothing, { repo: 'team/bare', tag: 'latest' })).resume();
    await eventually(() => engine.client.getImage('team/bare').inspect());
    const bare = await run('push', 'bare', '-o', 'team/bare');
    t.equal(bare.code, 1);
    t.match(bare.output, /names no command, and bare has none of its own/);
  });

  t.test('image - source does not take the place of one', async (t) => {
    const dir = t.testdir({ 'server.js': '' });
    const pushed = await run('push', dir, '--name', 'web');
    t.equal(pushed.code, 1);
    t.match(pushed.output, /LIFECYCLE_FIXED: web runs an image/);
  });
};

await withDockerEngine(t, suite);
