/** `outcry up --processes` on Docker: what becomes of the containers. */
import t from 'tap';
import { splitName } from '../../cell-rep/runtimes/docker/stack/image.js';
import { STACK_IMAGE } from '../../common/model/well-known.js';
import type { DockerEngine } from '../support/docker-engine.js';
import { withDockerEngine } from '../support/docker-engine.js';
import { requireSuite } from '../support/requires.js';
import { UP, askHello, makeUpDir, processesAt, socketsBelow, startUp } from '../support/up.js';

const containersOf = async ({ client }: DockerEngine) =>
  (await client.listContainers({ all: true })).map(({ Id, State }) => `${Id} ${State}`).sort();

const suite = (engine: DockerEngine): void => {
  t.test('up --processes on Docker - containers outlive kill -9, and go with Ctrl-C', async (t) => {
    const dir = makeUpDir(t);
    await engine.client.getImage(engine.image).tag(splitName(STACK_IMAGE));
    const options = {
      args: ['--runtime', 'docker'],
      env: { DOCKER_HOST: `unix://${engine.socketPath}` },
    };
    const first = startUp(t, dir, options);
    await first.says(UP);
    const before = await containersOf(engine);
    t.not(before.length, 0);
    await first.end('SIGKILL');
    const second = startUp(t, dir, options);
    await second.says(UP);
    t.same(await containersOf(engine), before, 'the same, and running');
    t.match(await askHello(dir), /^Hello/);
    t.equal(await second.end('SIGINT'), 0);
    t.same(await containersOf(engine), []);
    t.same((await engine.client.listVolumes()).Volumes ?? [], []);
    t.same(processesAt([dir]), []);
    t.same(socketsBelow(dir), []);
  });
};

requireSuite(t, 'nats', () => withDockerEngine(t, suite));
