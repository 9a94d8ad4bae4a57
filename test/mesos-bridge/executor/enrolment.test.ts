import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { readNatsAccess } from '../../../common/adapters/nats-access.js';
import { createPrometheusMetrics } from '../../../common/adapters/prometheus-metrics.js';
import { createSeededRandom } from '../../../common/adapters/seeded-random.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import { ENROLMENT_PATH } from '../../../mesos-bridge/core/enrolment.js';
import type { Enrolment } from '../../../mesos-bridge/core/enrolment.js';
import { createEnrolmentDoor } from '../../../mesos-bridge/handlers/enrolment.js';
import type { EnrolmentDoorOptions } from '../../../mesos-bridge/handlers/enrolment.js';
import { createEnrolmentTokens, enrolmentToken } from '../../../mesos-bridge/handlers/enrolment-tokens.js';
import { enrol } from '../../../mesos-bridge/executor/enrol.js';
import { keepEnrolment, makePlace, placeIn } from '../../../mesos-bridge/executor/place.js';
import { createTestAuthority } from '../../support/certificates.js';

const SECRET = 'kept by the bridge alone';
const EXECUTOR = 'outcry.abc.1';
const AGENT = 'agent-S0';

const ENROLMENT: Enrolment = {
  nats: { servers: ['tls://127.0.0.1:4222'], user: 'elastic-cells', password: 'p4ss-bus', ca: 'CA-OF-NATS' },
  bbs: { url: 'https://127.0.0.1:8889', cert: 'CERT-OF-CELL', key: 'KEY-OF-CELL', ca: 'CA-OF-BBS' },
  cell: { runtime: 'process', zone: 'z1', placement_tags: ['mesos'] },
};

const open = async (over: Partial<EnrolmentDoorOptions> = {}) => {
  const logger = createCaptureLogger();
  const clock = createSystemClock();
  const metrics = createPrometheusMetrics({ logger });
  const expected = new Set([`${EXECUTOR} ${AGENT}`]);
  const door = createEnrolmentDoor({
    listen: { host: '127.0.0.1', port: 0, tls: undefined },
    tokens: createEnrolmentTokens({
      secret: SECRET,
      expects: (executorId, agentId) => expected.has(`${executorId} ${agentId}`),
    }),
    enrolment: () => ENROLMENT,
    clock,
    logger,
    metrics,
    ...over,
  });
  await door.start();
  const { port } = door.address();
  return { door, logger, metrics, clock, expected, url: `http://127.0.0.1:${port}`, port };
};

const ask = (url: string, seed = 1, over: Partial<{ token: string; executorId: string; ca: string }> = {}) =>
  enrol({
    environment: {
      agent: { executorId: over.executorId ?? EXECUTOR, agentId: AGENT },
      enrolment: { url, token: over.token ?? enrolmentToken(SECRET, EXECUTOR), ca: over.ca },
    },
    clock: createSystemClock(),
    random: createSeededRandom(seed),
    logger: createCaptureLogger(),
  });

t.test('enrolment - a good token gets all that a cell needs, and is good once', async (t) => {
  const { door, logger, metrics, url } = await open();
  t.same(await ask(url), ENROLMENT);
  t.same(await ask(url), ENROLMENT, 'who has not got the answer asks again, as itself');
  await t.rejects(ask(url, 2), { code: 'ENROLMENT_REFUSED' }, 'anybody else comes too late');
  const events = JSON.stringify(logger.events);
  t.match(events, /its token was used before/);
  t.notMatch(events, enrolmentToken(SECRET, EXECUTOR));
  t.notMatch(events, /p4ss-bus|KEY-OF-CELL/);
  const shown = await metrics.scrape();
  t.match(shown, /EnrolmentsAnswered\{outcome="granted"\} 2/);
  t.match(shown, /EnrolmentsAnswered\{outcome="used"\} 1/);
  await door.stop();
});

t.test('enrolment - what is not right is refused, counted and logged with a code', async (t) => {
  const { door, logger, metrics, url, expected } = await open();
  await t.rejects(ask(url, 1, { token: 'guessed' }), { code: 'ENROLMENT_REFUSED' });
  await t.rejects(ask(url, 1, { executorId: 'outcry.abc.2' }), { code: 'ENROLMENT_REFUSED' });
  expected.clear();
  const unexpected = await fetch(url + ENROLMENT_PATH, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      token: enrolmentToken(SECRET, EXECUTOR),
      executorId: EXECUTOR,
      agentId: AGENT,
      nonce: 'n',
    }),
  });
  t.equal(unexpected.status, 503, 'it may ask again: its bridge may have become the active one just now');
  for (const body of ['', '{', '[]', '{"token":1}', JSON.stringify({ token: 'x'.repeat(5_000) })]) {
    const answer = await fetch(url + ENROLMENT_PATH, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    t.equal(answer.status, 400);
    t.match(await answer.json(), { code: 'ENROLMENT_MALFORMED' });
  }
  t.equal((await fetch(`${url}/anything`)).status, 404);
  const refused = logger.events.filter(({ event }) => event === 'enrolment-refused');
  t.equal(refused.length, 8);
  t.ok(refused.every(({ fields }) => String(fields['code']).startsWith('ENROLMENT_')));
  const shown = await metrics.scrape();
  t.match(shown, /EnrolmentsAnswered\{outcome="unknown"\} 2/);
  t.match(shown, /EnrolmentsAnswered\{outcome="unexpected"\} 1/);
  t.match(shown, /EnrolmentsAnswered\{outcome="malformed"\} 5/);
  await door.stop();
});

t.test('enrolment - an executor waits for a bridge that is not there or not ready yet', async (t) => {
  let asked = 0;
  const { door, url, port } = await open({
    enrolment: () => {
      asked += 1;
      return asked > 1 ? ENROLMENT : undefined;
    },
  });
  await door.stop();
  const waiting = ask(url);
  const again = createEnrolmentDoor({
    listen: { host: '127.0.0.1', port, tls: undefined },
    tokens: createEnrolmentTokens({ secret: SECRET, expects: () => true }),
    enrolment: () => {
      asked += 1;
      return asked > 1 ? ENROLMENT : undefined;
    },
    clock: createSystemClock(),
    logger: createCaptureLogger(),
    metrics: createPrometheusMetrics({ logger: createCaptureLogger() }),
  });
  await again.start();
  t.same(await waiting, ENROLMENT);
  t.equal(asked, 2);
  await again.stop();
});

t.test(
  'enrolment - over TLS the bridge shows a certificate of the authority that the executor was given',
  async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'outcry-enrolment-'));
    t.teardown(() => rm(dir, { recursive: true, force: true }));
    const authority = await createTestAuthority(dir);
    const files = await authority.issue('bridge');
    const { door, port } = await open({
      listen: { host: '127.0.0.1', port: 0, tls: { certFile: files.certFile, keyFile: files.keyFile } },
    });
    const ca = await readFile(files.caFile, 'utf8');
    t.same(await ask(`https://127.0.0.1:${port}`, 1, { ca }), ENROLMENT);
    await door.stop();
  },
);

t.test(
  'enrolment - what was handed over is kept for its owner alone, as a configuration of a cell',
  async (t) => {
    const base = await mkdtemp(join(tmpdir(), 'outcry-place-'));
    t.teardown(() => rm(base, { recursive: true, force: true }));
    const place = placeIn(base, 'one');
    await makePlace(place);
    await keepEnrolment(place, ENROLMENT, { cell_id: 'mesos-agent-S0', address: '10.0.0.7' });
    for (const name of ['cell.json', 'nats.json', 'nats.ca', 'bbs.key', 'bbs.crt', 'bbs.ca'])
      t.equal((await stat(join(place.dir, name))).mode & 0o777, 0o600, name);
    t.equal((await stat(place.dir)).mode & 0o777, 0o700);
    t.match(JSON.parse(await readFile(place.configFile, 'utf8')), {
      component: 'cell',
      cell_id: 'mesos-agent-S0',
      address: '10.0.0.7',
      zone: 'z1',
      on_stop: 'stop-containers',
      bbs: { url: 'https://127.0.0.1:8889', tls: { key: join(place.dir, 'bbs.key') } },
    });
    t.match(readNatsAccess(join(place.dir, 'nats.json')), {
      credentials: { user: 'elastic-cells', password: 'p4ss-bus' },
      tls: { ca: 'CA-OF-NATS' },
    });
  },
);

t.test('enrolment - whose executor nobody waits for any more is forgotten', async (t) => {
  const expected = new Set<string>();
  const tokens = createEnrolmentTokens({ secret: SECRET, expects: (executorId) => expected.has(executorId) });
  const judge = (executorId: string) =>
    tokens.judge({ token: enrolmentToken(SECRET, executorId), executorId, agentId: AGENT, nonce: 'n' });
  for (let number = 0; number < 1_000; number += 1) {
    const executorId = `outcry.abc.${number}`;
    expected.add(executorId);
    t.equal(judge(executorId), 'good');
    if (number !== 7) expected.delete(executorId);
  }
  t.ok(tokens.remembered() <= 200, `${tokens.remembered()}`);
  t.equal(
    tokens.judge({
      token: enrolmentToken(SECRET, 'outcry.abc.7'),
      executorId: 'outcry.abc.7',
      agentId: AGENT,
      nonce: 'another',
    }),
    'used',
    'one that is waited for is remembered',
  );
});
