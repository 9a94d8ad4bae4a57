import t from 'tap';
import { checkRegistry, registryOf } from '../../../cell-rep/runtimes/docker/registries.js';

t.test('registries - told from the beginning of a reference as the engine tells them', (t) => {
  const registries: [string, string][] = [
    ['nginx:latest', ''],
    ['team/web:1.2', ''],
    ['registry.example.com/team/web:1', 'registry.example.com'],
    ['localhost/web:1', 'localhost'],
    ['LOCALHOST/web:1', 'LOCALHOST'],
    ['registry:5000/web@sha256:0', 'registry:5000'],
    ['[::1]:5000/web:1', '[::1]:5000'],
  ];
  for (const [reference, registry] of registries) t.equal(registryOf(reference), registry, reference);
  t.end();
});

t.test('registries - those at inner addresses are refused, unless they are allowed by name', async (t) => {
  const refused = (registry: string, allowed: string[] = []) =>
    t.rejects(
      checkRegistry(`${registry}/team/web:1`, allowed),
      { code: 'IMAGE_REGISTRY_REFUSED', details: { registry } },
      registry,
    );
  const asked = (registry: string, allowed: string[] = []) =>
    t.resolves(checkRegistry(`${registry}/team/web:1`, allowed), registry);

  for (const registry of [
    '127.0.0.1:5000',
    '127.9.9.9',
    'localhost:5000',
    'LocalHost',
    '169.254.169.254',
    '[::1]:5000',
    '[fe80::1%eth0]:5000',
    '[::ffff:127.0.0.1]:5000',
    '0.0.0.0:5000',
  ]) {
    await refused(registry);
  }
  // names to the engine's resolver, and to this one: other ways to write 127.0.0.1
  await refused('127.1:5000');
  await refused('0x7f.1:5000');
  for (const registry of ['10.0.0.5:5000', '192.0.2.7', '[fd00::7]:5000', 'no-such-registry.invalid']) {
    await asked(registry);
  }

  await asked('localhost:5000', ['localhost:5000']);
  await asked('LOCALHOST:5000', ['localhost']);
  await asked('127.0.0.1:5000', ['127.0.0.1']);
  await asked('[::1]:5000', ['[::1]']);
  await refused('localhost:5001', ['localhost:5000']);
  await refused('localhost', ['localhost:5000']);
  await refused('127.0.0.1:5000', ['localhost', '27.0.0.1', '127.0.0.1:500']);
});
