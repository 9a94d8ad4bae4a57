import fc from 'fast-check';
import t from 'tap';
import { decisionInput } from '../../support/auction-arbitraries.js';
import { AUCTION_PROPERTIES } from '../../support/auction-properties.js';

for (const [name, check] of Object.entries(AUCTION_PROPERTIES)) {
  t.test(`decide - ${name}`, async () => {
    fc.assert(fc.property(decisionInput, check), { numRuns: 500 });
  });
}
