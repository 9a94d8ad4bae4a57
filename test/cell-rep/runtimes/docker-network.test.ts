/** Networks of containers on a real engine: known before the first process, and open as far as their rules say. */
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import type { Container, ContainerRuntime } from '../../../cell-rep/core/container-runtime.js';
import type { Allowance } from '../../../cell-rep/core/egress.js';
import { createDockerRuntime } from '../../../cell-rep/runtimes/docker/runtime.js';
import { collect, containerSpec, mustCreate, mustRun } from '../../contract/container-runtime.js';
import type { Program } from '../../contract/container-runtime.js';
import { IMAGE_NODE, withDockerEngine } from '../../support/docker-engine.js';
import type { DockerEngine } from '../../support/docker-engine.js';
import { eventually } from '../../support/eventually.js';
import { realProcessPrograms, shell } from '../../support/process-runtime.js';

interface Test {
  teardown(task: () => Promise<void>): unknown;
}

/** Says for each `HOST:PORT` whether it is reached, or the error. */
const REACH = `
  const one = (target) => new Promise((resolve) => {
    const [host, port] = target.split('=');
    const socket = require('net').connect({ host, port: Number(port), timeout: 3000 });
    const end = (word) => { socket.destroy(); resolve(word); };
    // to its end: whoever is left in the middle of an answer may not bear it
    socket.resume().on('end', () => end('reached')).on('error', (e) => end(e.code)).on('timeout', () => end('silent'));
  });
  (async () => { for (const target of process.argv.slice(1)) console.log(await one(target)); })();
`;

const reaches = (...targets: string[]): Program => ({
  path: IMAGE_NODE,
  args: ['-e', REACH, ...targets],
  env: {},
});

const listen = async (t: Test, host = '0.0.0.0'): Promise<number> => {
  const server: Server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.teardown(() => new Promise((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
};

const tcp = (network: string, port: number): Allowance => ({
  family: 4,
  destination: { network },
  protocol: 'tcp',
  ports: [port],
});

/** Of the bridge, which is this machine. */
const gatewayOf = (container: Container): string => container.info().instanceAddress.replace(/\.\d+$/, '.1');

const suite = (engine: DockerEngine): void => {
  const open = (over: object = {}): ContainerRuntime =>
    createDockerRuntime({
      cellId: 'cell-network',
      clock: createSystemClock(),
      logger: createCaptureLogger(),
      stacks: { any: engine.image },
      engine: { socketPath: engine.socketPath },
      ports: { first: 30_000, last: 30_499 },
      ...over,
    });
  const start = async (t: Test, over: object = {}): Promise<ContainerRuntime> => {
    const runtime = open(over);
    await runtime.start();
    t.teardown(async () => {
      for (const container of await runtime.adopt()) await container.destroy();
      await runtime.stop();
    });
    return runtime;
  };
  const linesOf = async (container: Container, program: Program, id = 'main'): Promise<string[]> => {
    const main = await mustRun(container, program, { id });
    const seen = collect(main);
    await main.exited;
    return seen.text().trim().split('\n');
  };

  t.test(
    'docker network - with rules, an address is known before the first process, and stays',
    async (t) => {
      const runtime = await start(t);
      const container = await mustCreate(runtime, { ports: [8080], egress: [] });
      const { instanceAddress } = container.info();
      t.match(instanceAddress, /^\d+\.\d+\.\d+\.\d+$/);
      const own = shell('while read -r line; do echo "$line"; done < /etc/hosts');
      t.match((await linesOf(container, own, 'setup')).at(-1), new RegExp(`^${instanceAddress}\\s`));
      await mustRun(container, { ...realProcessPrograms.listens(), path: IMAGE_NODE });
      t.equal(container.info().instanceAddress, instanceAddress, 'though the first process has ended');
      const next = open();
      await next.start();
      t.teardown(() => next.stop());
      const adopted = (await next.adopt()).find(({ guid }) => guid === container.guid);
      t.equal(adopted?.info().instanceAddress, instanceAddress);
      t.same(
        adopted?.info().processes.map(({ id }) => id),
        ['setup', 'main'],
      );
      t.ok(((await container.usage()).rxBytes ?? -1) >= 0);
      t.ok(((await container.usage()).cpuNs ?? -1) >= 0, 'of one that joined');
    },
  );

  t.test(
    'docker network - rules let through what they name, from the first moment, and nothing else',
    async (t) => {
      const [named, other] = [await listen(t), await listen(t)];
      const runtime = await start(t);
      t.match(runtime.abilities?.(), { 'egress-rules': 'enforced' });
      const neighbour = await mustCreate(runtime, { ports: [8080] });
      const listening = await mustRun(neighbour, { ...realProcessPrograms.listens(), path: IMAGE_NODE });
      const heard = collect(listening);
      await eventually(() => heard.text().includes('ready'), { timeoutMs: 10_000 });
      const gateway = gatewayOf(neighbour);
      const near = `${neighbour.info().instanceAddress}=8080`;
      const all = [`${gateway}=${named}`, `${gateway}=${other}`, near];
      const free = await mustCreate(runtime);
      t.same(await linesOf(free, reaches(...all)), ['reached', 'reached', 'reached']);

      const bound = await mustCreate(runtime, { egress: [tcp(gateway, named)], ports: [8080] });
      t.same(await linesOf(bound, reaches(...all), 'setup'), ['reached', 'ECONNREFUSED', 'ECONNREFUSED']);
      const inside = await mustRun(bound, { ...realProcessPrograms.listens(), path: IMAGE_NODE });
      const said = collect(inside);
      await eventually(() => said.text().includes('ready'), { timeoutMs: 10_000 });
      t.same(await linesOf(bound, reaches('127.0.0.1=8080'), 'own'), ['reached'], 'itself');
      t.same(
        await linesOf(free, reaches(`${bound.info().instanceAddress}=8080`), 'back'),
        ['reached'],
        'who comes in is answered',
      );
      const shut = await mustCreate(runtime, { egress: [] });
      t.same(await linesOf(shut, reaches(...all)), ['ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED']);
    },
  );

  t.test('docker network - rules outlive the rep, and whoever had the network', async (t) => {
    const port = await listen(t);
    const runtime = await start(t);
    const container = await mustCreate(runtime, { egress: [] });
    const target = `${gatewayOf(container)}=${port}`;
    const next = open();
    await next.start();
    t.teardown(() => next.stop());
    const adopted = (await next.adopt()).find(({ guid }) => guid === container.guid) as Container;
    t.same(await linesOf(adopted, reaches(target), 'after'), ['ECONNREFUSED']);
    const filters = { label: [`outcry.guid=${container.guid}`, 'outcry.role=network'] };
    const [holder] = await engine.client.listContainers({ filters });
    await engine.client.getContainer(holder?.Id ?? '').kill();
    t.same(await linesOf(adopted, reaches(target), 'again'), ['ECONNREFUSED'], 'a new one has them, too');
  });

  t.test('docker network - where it has IPv6, the address is told, and rules hold there, too', async (t) => {
    const port = await listen(t, '::');
    const slice = gatewayOf(await mustCreate(await start(t), { egress: [] })).split('.')[2] ?? '0';
    const name = `outcry-six-${slice}`;
    const network = await engine.client.createNetwork({
      Name: name,
      EnableIPv6: true,
      IPAM: { Config: [{ Subnet: `10.214.${slice}.0/24` }, { Subnet: `fd00:214:${slice}::/64` }] },
    });
    t.teardown(() => network.remove());
    const runtime = await start(t, { network: name, cellId: 'cell-six' });
    const free = await mustCreate(runtime);
    const target = `fd00:214:${slice}::1=${port}`;
    t.same(await linesOf(free, reaches(target)), ['reached']);
    t.equal(await runtime.mostContainers?.(), 253, 'addresses of IPv4 are what is scarce');
    t.equal(await open({ network: 'none-such' }).mostContainers?.(), undefined);
    const allowed = { family: 6, destination: { network: `fd00:214:${slice}::/64` } } as const;
    const bound = await mustCreate(runtime, {
      egress: [{ ...allowed, protocol: 'tcp', ports: { first: port, last: port } }],
    });
    t.match(bound.info().instanceIpv6Address, new RegExp(`^fd00:214:${slice}::`));
    t.same(await linesOf(bound, reaches(target, `10.214.${slice}.1=${port}`)), ['reached', 'ECONNREFUSED']);
    const shut = await mustCreate(runtime, { egress: [] });
    t.same(await linesOf(shut, reaches(target)), ['ECONNREFUSED']);
  });

  t.test('docker network - rules that cannot be enforced are refused, and nothing is left', async (t) => {
    const runtime = await start(t, { stacks: {} });
    const rootfs = `docker:///${engine.image}#latest`;
    const refused = await runtime.create(containerSpec({ rootfs, egress: [] }));
    t.match(refused, { ok: false, reason: /^egress rules cannot be enforced on this cell: .*no stack/ });
    t.same(await runtime.adopt(), []);
    const { Volumes } = await engine.client.listVolumes();
    t.same(Volumes ?? [], []);
    const open = await mustCreate(runtime, { rootfs });
    t.match((await (await mustRun(open, shell('exit 3'))).exited).code, 3, 'without rules it runs');
  });

  t.test('docker - kernel parameters that the operator allows are set, others refused', async (t) => {
    const runtime = await start(t, { sysctls: ['net.core.somaxconn', 'kernel.msgmax'] });
    const sysctls = { 'net.core.somaxconn': '77', 'kernel.msgmax': '5555' };
    const container = await mustCreate(runtime, { sysctls });
    const read = shell('cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax');
    t.same(await linesOf(container, read), ['77', '5555']);
    t.same(await linesOf(container, read, 'second'), ['77', '5555']);
    t.same(await runtime.create(containerSpec({ sysctls: { 'net.ipv4.ip_forward': '1' } })), {
      ok: false,
      reason: 'sysctl net.ipv4.ip_forward is not allowed on this cell',
    });
  });

  t.test('docker - volumes are found where they are wanted, and written to where they may be', async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'outcry-volume-'));
    t.teardown(() => rm(dir, { recursive: true }));
    const source = join(dir, 'data');
    await mkdir(source, { mode: 0o777 });
    await writeFile(join(source, 'greeting'), 'hello\n');
    const runtime = await start(t);
    const mount = (target: string, readOnly: boolean) => ({ source, target, readOnly });
    const container = await mustCreate(runtime, {
      mounts: [mount('/var/data', false), mount('/home/vcap/app/data', true)],
    });
    const both = 'cat /var/data/greeting; echo new > /var/data/new; cat /home/vcap/app/data/new';
    const write = 'echo no > /home/vcap/app/data/no || echo refused';
    const user = { user: 'root' };
    const main = await mustRun(container, shell(`${both}; ${write}`), user);
    const seen = collect(main);
    await main.exited;
    t.match(seen.text(), /^hello$/m);
    t.match(seen.text(), /^new$/m);
    t.match(seen.text(), /^refused$/m);
    t.equal(await readFile(join(source, 'new'), 'utf8'), 'new\n');
    await container.destroy();
    t.equal(await readFile(join(source, 'new'), 'utf8'), 'new\n', 'what is the operator’s stays');
    t.match(await runtime.create(containerSpec({ mounts: [mount('/home', false)] })), {
      ok: false,
      reason: /home/,
    });
  });
};

await withDockerEngine(t, suite);
