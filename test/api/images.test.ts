import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { createImages } from '../../api/services/images.js';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import type { ImageReply } from '../../common/model/image.js';
import { encode } from '../../common/wire/codec.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { eventually } from '../support/eventually.js';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const WEB = 'docker:///web#latest';
const FOUND: ImageReply = {
  cellId: 'cell-1',
  status: 'found',
  reason: '',
  image: { id: 'sha256:1', digest: '', entrypoint: [], command: [], user: '', workingDir: '', ports: [] },
};

/** A cell that gives that answer, and an API's questions. */
const start = (reply: ImageReply) => {
  const bus = createMemoryBus();
  const clock = createFakeClock();
  const cell = { asked: 0 };
  bus.subscribe(SUBJECTS.cellImage, (message) => {
    cell.asked += 1;
    message.respond(encode('ImageReply', reply));
  });
  const images = createImages({ bus, clock, random: createSeededRandom(1), timeoutMs: 60_000 });
  return { clock, cell, images };
};

t.test('images - nothing is kept of an answer that has been given', async (t) => {
  const { images } = start(FOUND);
  const ask = async (): Promise<WeakRef<object>> => {
    const found = await images.describe(WEB);
    if (!found?.ok) throw new Error('not found');
    return new WeakRef(found.value);
  };
  const answer = await ask();
  const isCollected = (): boolean => {
    gc();
    return answer.deref() === undefined;
  };
  t.ok(await eventually(isCollected, { what: 'the answer is collected' }));
  images.stop();
});

t.test('images - a stop ends whoever waits, and whoever comes later', async (t) => {
  const { clock, cell, images } = start({ cellId: 'no token!', status: 'pending', reason: '' });
  const waits = [images.describe(WEB), images.describe(WEB)];
  await clock.advance(1_200);
  t.ok(cell.asked >= 4, 'each has asked again');
  images.stop();
  t.same(await Promise.all(waits), [undefined, undefined]);
  t.equal(await images.describe(WEB), undefined);
});
