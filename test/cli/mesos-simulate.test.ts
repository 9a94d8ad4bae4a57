import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { createFakeCli } from '../support/cli-context.js';
import type { FakeCli } from '../support/cli-context.js';
import { eventually } from '../support/eventually.js';

const lineOf = (cli: FakeCli, name: string): string =>
  new RegExp(`^${name} +(\\S+)$`, 'm').exec(cli.out())?.[1] ?? '';

t.test('mesos simulate - masters and agents, until Ctrl-C', async (t) => {
  const dir = t.testdir();
  const cli = createFakeCli({ cwd: dir });
  t.teardown(() => cli.close());
  const run = cli.run(
    'mesos',
    'simulate',
    '--agents',
    '3',
    '--cpus',
    '2',
    '--mem',
    '1G',
    '--masters',
    '2',
    '--data',
    'm',
  );
  await eventually(() => lineOf(cli, 'masters') !== '');
  const [leader = '', follower = ''] = lineOf(cli, 'masters').split(',');
  const secretFile = lineOf(cli, 'secret');
  t.equal(secretFile, join(dir, 'm', 'secret'));
  t.equal(statSync(secretFile).mode & 0o777, 0o600);
  const secret = readFileSync(secretFile, 'utf8').trim();
  const ask = (authorization?: string) =>
    fetch(`http://${leader}/api/v1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
      body: JSON.stringify({ type: 'GET_AGENTS' }),
    });
  t.equal((await ask()).status, 401);
  const basic = `Basic ${Buffer.from(`outcry:${secret}`).toString('base64')}`;
  const agents = await eventually(async () => {
    const body = (await (await ask(basic)).json()) as {
      get_agents: {
        agents?: {
          agent_info: { hostname: string; resources: { name: string; scalar?: { value: number } }[] };
        }[];
      };
    };
    return body.get_agents.agents?.length === 3 && body.get_agents.agents;
  });
  t.same(agents.map(({ agent_info: { hostname } }) => hostname).sort(), ['agent-1', 'agent-2', 'agent-3']);
  const { resources } = agents[0]!.agent_info;
  t.equal(resources.find(({ name }) => name === 'cpus')?.scalar?.value, 2);
  t.equal(resources.find(({ name }) => name === 'mem')?.scalar?.value, 1024);
  const redirected = await fetch(`http://${follower}/api/v1/scheduler`, {
    method: 'POST',
    redirect: 'manual',
    headers: { authorization: basic },
  });
  t.equal(redirected.status, 307);
  cli.interrupt();
  t.equal(await run, 0);
  await t.rejects(ask());

  const second = createFakeCli({ cwd: dir });
  t.teardown(() => second.close());
  const again = second.run('mesos', 'simulate', '--agents', '1', '--data', 'm');
  await eventually(() => lineOf(second, 'masters') !== '');
  t.equal(readFileSync(secretFile, 'utf8').trim(), secret, 'the secret stays');
  const third = createFakeCli({ cwd: dir });
  t.teardown(() => third.close());
  t.equal(await third.run('mesos', 'simulate', '--data', 'm'), 1);
  t.match(third.errors(), [/^outcry: DATA_DIR_LOCKED: /]);
  second.interrupt();
  t.equal(await again, 0);
});

t.test('mesos simulate - a port that is in use', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const cli = createFakeCli({ cwd: t.testdir() });
  t.teardown(() => cli.close());
  t.equal(await cli.run('mesos', 'simulate', '--port', String(port), '--data', 'm'), 1);
  t.match(cli.errors(), [
    new RegExp(`^outcry: PORT_IN_USE: port ${port} for the simulated Mesos master is in use`),
  ]);
  t.ok(existsSync(join(t.testdirName, 'm')));
  t.equal(await cli.run('mesos', 'simulate', '--agents', 'many'), 1);
  t.match(cli.errors().at(-1), /^outcry: USAGE: --agents takes a whole number from 1 to 10000, not 'many'/);
});
