import t from 'tap';
import { imageRootfs, parseImage } from '../../../common/model/image.js';
import { imageReference } from '../../../cell-rep/runtimes/docker/images.js';

const DIGEST = `sha256:${'0a'.repeat(32)}`;

const GOOD: [image: string, rootfs: string, engine: string][] = [
  ['nginx', 'docker:///nginx#latest', 'nginx:latest'],
  ['nginx:1.27-alpine', 'docker:///nginx#1.27-alpine', 'nginx:1.27-alpine'],
  ['team/web', 'docker:///team/web#latest', 'team/web:latest'],
  ['docker.io/team/web:1', 'docker://docker.io/team/web#1', 'docker.io/team/web:1'],
  ['localhost/web', 'docker://localhost/web#latest', 'localhost/web:latest'],
  ['localhost:5000/a/b__c:V_1', 'docker://localhost:5000/a/b__c#V_1', 'localhost:5000/a/b__c:V_1'],
  ['reg.example.com:443/web', 'docker://reg.example.com:443/web#latest', 'reg.example.com:443/web:latest'],
  [`web@${DIGEST}`, `docker:///web#${DIGEST}`, `web@${DIGEST}`],
  [`reg.io/web:1@${DIGEST}`, `docker://reg.io/web#${DIGEST}`, `reg.io/web@${DIGEST}`],
];

t.test(
  'image - what people write becomes the rootfs that cells know, and the engine’s own reference',
  async (t) => {
    for (const [image, rootfs, engine] of GOOD) {
      const parsed = parseImage(image);
      t.ok(parsed.ok, image);
      if (!parsed.ok) continue;
      t.equal(imageRootfs(parsed.value), rootfs);
      t.equal(imageReference(rootfs), engine);
    }
  },
);

t.test('image - what is none is refused', async (t) => {
  t.same(parseImage('docker://nginx'), { ok: false, error: 'must be an image without a scheme' });
  const bad = [
    '',
    ' ',
    'Nginx',
    'a b',
    '/web',
    'web/',
    'a//b',
    'web:',
    'web:-x',
    'web@sha256:12',
    '-web',
    'web#1',
  ];
  const hosts = ['user:pw@reg.io/web', 'reg.io:x/web', '.reg.io/web', 'reg.io/', 'reg.io/web?x'];
  for (const image of [...bad, ...hosts, `web:${'x'.repeat(129)}`, `a${'/a'.repeat(300)}`]) {
    t.match(parseImage(image), { ok: false, error: /^must be an image such as / }, image);
  }
});
