import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { listOfMasters } from '../../../../mesos-bridge/protocol/leader/masters.js';
import { readMesosTls } from '../../../../mesos-bridge/protocol/tls.js';
import { createTestAuthority } from '../../../support/certificates.js';
import { eventually } from '../../../support/eventually.js';
import { answer, startRawServer } from '../../../support/mesos-raw-server.js';
import { startScheduler, subscribing } from '../../../support/mesos-scheduler.js';

t.test('scheduler client - over TLS, with certificates on both sides', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-mesos-tls-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const authority = await createTestAuthority(dir);
  const [own, client] = [await authority.issue('master'), await authority.issue('bridge')];
  const [cert, key, ca] = [own.certFile, own.keyFile, own.caFile].map((path) => readFileSync(path));
  const onRequest = subscribing((request) => answer(request, '202 Accepted'));
  const master = await startRawServer(onRequest, {
    cert,
    key,
    ca,
    requestCert: true,
    rejectUnauthorized: true,
  });
  t.teardown(master.close);
  const masters = listOfMasters([master.address]);

  const trusted = await startScheduler(t, () => undefined, { masters, tls: readMesosTls(client) });
  await eventually(() => trusted.client.subscribed());
  t.equal(trusted.client.server(), `https://${master.address}`);
  t.same(await trusted.client.send({ type: 'REVIVE' }), { ok: true, value: undefined });

  const stranger = await startScheduler(t, () => undefined, {
    masters: listOfMasters([master.address]),
    tls: {},
  });
  await eventually(() => stranger.losses.length === 1);
  t.match(stranger.losses, [
    { kind: 'unreachable', error: { code: 'MESOS_UNREACHABLE', message: /certificate/ } },
  ]);

  const nobody = await startScheduler(t, () => undefined, {
    masters: listOfMasters([master.address]),
    tls: readMesosTls({ caFile: own.caFile }),
  });
  await eventually(() => nobody.losses.length === 1);
  t.match(nobody.losses, [{ error: { code: 'MESOS_UNREACHABLE' } }]);

  writeFileSync(join(dir, 'garbage.pem'), 'no certificate');
  for (const files of [
    { caFile: join(dir, 'nowhere.pem') },
    { certFile: own.certFile },
    { certFile: join(dir, 'garbage.pem'), keyFile: own.keyFile },
  ]) {
    t.throws(() => readMesosTls(files), { code: 'TLS_FILES_INVALID', message: /client of Mesos/ });
  }
});
