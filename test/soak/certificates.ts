/** Certificates that are not trusted, between processes: every bearer with every reason. Nothing is left to chance: no seed. */
import t from 'tap';
import { ALL, playCertificates } from '../support/bad-certificates.js';

// as long as any soak may take
t.setTimeout(1_200_000);
t.test(`certificates - ${ALL.length} that are not trusted`, (t) => {
  t.setTimeout(1_200_000);
  return playCertificates(t, ALL);
});
