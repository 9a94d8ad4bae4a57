/** The one process on a Docker engine of its own. */
import { existsSync } from 'node:fs';
import t, { type Test } from 'tap';
import { buildStack } from '../../cell-rep/stack.js';
import type { DockerEngine } from '../support/docker-engine.js';
import { withDockerEngine } from '../support/docker-engine.js';
import { eventually } from '../support/eventually.js';
import { dataDir, isAlive, outcry, runStart, startOutcry, useEngine, visit } from '../support/one-process.js';

const ok = async (t: Test, dir: string, ...args: string[]): Promise<string> => {
  const { code, output } = await outcry(dir, ...args);
  t.equal(code, 0, `outcry ${args.join(' ')}\n${output}`);
  return output;
};

const suite = (engine: DockerEngine): void => {
  const { client, socketPath } = engine;
  useEngine(socketPath);

  /** Engine ids of the applications' processes that run, in order. */
  const running = async (): Promise<string[]> =>
    (await client.listContainers())
      .filter(({ Names }) => !Names.some((name) => name.endsWith('..network')))
      .map(({ Id }) => Id)
      .sort();
  /** Everything that the platform has in the engine. */
  const left = async (): Promise<string[]> => {
    const [containers, { Volumes }] = await Promise.all([
      client.listContainers({ all: true }),
      client.listVolumes(),
    ]);
    return [...containers.flatMap(({ Names }) => Names), ...Volumes.map(({ Name }) => Name)];
  };

  t.test('one process, Docker - without a stack image it says so, and how to make one', async (t) => {
    const asked = await runStart('--once', '--runtime', 'docker');
    t.equal(asked.code, 1);
    t.match(
      asked.output,
      /STACK_IMAGE_MISSING: .*outcry-stack:latest; make one with 'npx outcry stack build'/,
    );
    const found = await runStart('--once', '--cells', '1');
    t.equal(found.code, 0, found.output);
    t.match(found.output, /^runtime {2}process: .* no stack image outcry-stack.*'npx outcry stack build'$/m);
    t.same(await left(), []);
  });

  t.test(
    'one process, Docker - a push from source, its logs, a task, a restart, kill -9, an end',
    async (t) => {
      await buildStack({ name: undefined, engine: socketPath, env: process.env, onStep: () => undefined });
      const dir = await dataDir(t);
      const first = await startOutcry(t, dir);
      t.match(first.output(), /^runtime {2}docker: engine [\d.]+ at .*docker\.sock, stack outcry-stack$/m);
      t.notMatch(first.output(), /^note/m, 'there is nothing that its user must know');
      t.match((await visit(first, 'hello')).body, /^Hello from instance [012]/);
      t.equal((await running()).length, 3);
      t.match(await ok(t, dir, 'logs', 'hello', '--recent'), /\[APP\/PROC\/WEB\/2\] OUT listening on/);
      t.match(await ok(t, dir, 'run-task', 'hello', 'echo from $(id -un)', '--wait'), /succeeded/);
      t.match(await ok(t, dir, 'logs', 'hello', '--recent'), /OUT from vcap/);
      const before = await running();
      t.match(await ok(t, dir, 'restart', 'hello'), /3 of 3 running/);
      const restarted = await running();
      t.notOk(restarted.some((id) => before.includes(id)));

      process.kill(first.endpoint.pid, 'SIGKILL');
      await eventually(() => !isAlive(first.endpoint.pid));
      const second = await startOutcry(t, dir);
      t.same(await running(), restarted, 'the same containers, adopted');
      t.match((await visit(second, 'hello')).body, /^Hello from instance/);
      t.match(await ok(t, dir, 'apps'), /hello\s+started\s+3\/3/);
      t.equal((await second.end('SIGINT')).code, 0);
      t.same(await left(), [], 'a clean end leaves nothing in the engine');
    },
  );

  t.test(
    'one process, Docker - what a crash left there is gone when the next start uses processes',
    async (t) => {
      const dir = await dataDir(t);
      const first = await startOutcry(t, dir, ['--cells', '2']);
      process.kill(first.endpoint.pid, 'SIGKILL');
      await eventually(() => !isAlive(first.endpoint.pid));
      t.equal((await running()).length, 3);

      const second = await startOutcry(t, dir, ['--runtime', 'process']);
      t.match(
        second.output(),
        /removed 3 containers that an earlier start had left in Docker at .*docker\.sock/,
      );
      t.match(second.output(), /^runtime {2}process: asked for by --runtime$/m);
      t.same(await left(), []);
      t.match(await ok(t, dir, 'apps'), /hello\s+started\s+3\/3/);
      process.kill(second.endpoint.pid, 'SIGKILL');
      await eventually(() => !isAlive(second.endpoint.pid));

      const third = await startOutcry(t, dir, ['--runtime', 'docker']);
      t.match(third.output(), /removed 3 containers that an earlier start had left as processes/);
      t.match((await visit(third, 'hello')).body, /^Hello from instance/);
      t.equal((await third.end('SIGINT')).code, 0);
      t.same(await left(), []);
      t.ok(existsSync(dir));
    },
  );

  t.test('one process, Docker - once: the tour in containers, and nothing of it stays', async (t) => {
    const { code, output } = await runStart('--once', '--cells', '1', '--runtime', 'docker');
    t.equal(code, 0, output);
    t.match(output, /^runtime {2}docker: /m);
    t.match(output, /every one of 3 instances answers +ok/);
    t.same(await left(), []);
  });

  t.test('one process, Docker - without an engine it says so', async (t) => {
    await engine.close();
    const asked = await runStart('--once', '--runtime', 'docker');
    t.equal(asked.code, 1);
    t.match(
      asked.output,
      /DOCKER_UNREACHABLE: no Docker engine answers at .*docker\.sock: there is no socket; start/,
    );
    const found = await runStart('--once', '--cells', '1');
    t.equal(found.code, 0, found.output);
    t.match(
      found.output,
      /^runtime {2}process: no Docker engine answers at .*docker\.sock: there is no socket$/m,
    );
  });
};

await withDockerEngine(t, suite);
