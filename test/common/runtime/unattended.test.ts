import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { unattended } from '../../../common/runtime/unattended.js';
import { eventually } from '../../support/eventually.js';

t.test('unattended - begins at once; what it throws or rejects with is an event', async (t) => {
  const logger = createCaptureLogger();
  const error = new Error('broken');
  let begun = 0;
  const failing = { logger, event: 'failed', fields: { what: 'x' } };
  unattended(failing, () => {
    begun += 1;
    throw error;
  });
  unattended(failing, async () => {
    begun += 1;
    await Promise.resolve();
    throw error;
  });
  unattended(failing, () => (begun += 1));
  t.equal(begun, 3);
  await eventually(() => logger.named('failed').length === 2);
  t.same(logger.named('failed')[0]?.fields, { what: 'x', error });
});
