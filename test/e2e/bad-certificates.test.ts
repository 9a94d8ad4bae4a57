import t from 'tap';
import { FEW, playCertificates } from '../support/bad-certificates.js';
import { requireSuite } from '../support/requires.js';

// all of them: npm run soak:certificates
requireSuite(t, 'nats', () => {
  t.test('certificates - told once by whom they keep out; applications and data stay', (t) =>
    playCertificates(t, FEW),
  );
});
