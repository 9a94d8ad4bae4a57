import t from 'tap';
import { fetchReason } from '../../../cell-rep/runtimes/docker/engine-error.js';

const HUB = 'Get "https://registry-1.docker.io/v2/": ';

const SAID: readonly (readonly [engine: string, told: string])[] = [
  [
    `${HUB}dial tcp: lookup registry-1.docker.io on 127.0.0.11:53: no such host`,
    'there is no registry registry-1.docker.io (DNS)',
  ],
  [
    `${HUB}dial tcp: lookup registry-1.docker.io: no such host`,
    'there is no registry registry-1.docker.io (DNS)',
  ],
  [
    `${HUB}dial tcp: lookup registry-1.docker.io on [::1]:53: read udp [::1]:38221->[::1]:53: read: connection refused`,
    'the registry registry-1.docker.io cannot be looked up (DNS)',
  ],
  [
    'failed to resolve reference "docker.io/library/web:1": failed to do request: Head "https://registry-1.docker.io/v2/library/web/manifests/1": dial tcp: lookup registry-1.docker.io on 10.0.0.1:53: server misbehaving',
    'the registry registry-1.docker.io cannot be looked up (DNS)',
  ],
  [
    'Get "http://127.0.0.1:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused',
    "nothing listens at its registry's 127.0.0.1:5000",
  ],
  [
    'Get "https://r.example.com/v2/": dial tcp 192.0.2.1:443: connect: network is unreachable',
    'there is no way to its registry at 192.0.2.1:443',
  ],
  [
    'Get "https://r.example.com/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)',
    'the registry r.example.com does not answer in time',
  ],
  [
    'Get "https://r.example.com/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    'the certificate of the registry r.example.com is not trusted',
  ],
  [
    'manifest for web:9 not found: manifest unknown: manifest unknown',
    'manifest for web:9 not found: manifest unknown: manifest unknown',
  ],
];

t.test('image fetch - what the engine says of its connections is told in a few words', async (t) => {
  for (const [engine, told] of SAID) {
    t.equal(fetchReason({ statusCode: 500, json: { message: engine } }), told);
    t.equal(fetchReason(new Error(engine)), told, 'as a line of its progress, too');
  }
});
