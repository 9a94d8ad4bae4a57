import t from 'tap';
import type { Test } from 'tap';
import type { DescribeResult } from '../../cell-rep/core/container-runtime.js';
import type { ImageDescription, ImageReply } from '../../common/model/image.js';
import type { Bus } from '../../common/ports/bus.js';
import { decode, encode } from '../../common/wire/codec.js';
import { SUBJECTS, cellSubject } from '../../common/wire/subjects.js';
import { createFakeBbs } from '../support/fake-bbs.js';
import { createWorld, startRep } from '../support/rep.js';
import type { RepWorld } from '../support/rep.js';

const WEB = 'docker:///web#latest';
const IMAGE: ImageDescription = {
  id: 'sha256:1',
  digest: '',
  entrypoint: ['/web'],
  command: ['--port', '9000'],
  user: 'web',
  workingDir: '/srv',
  ports: [9000],
};

interface Looking {
  rootfs: string;
  end(outcome: DescribeResult): void;
}

/** A world whose runtime looks for images until it is told what it finds. */
const worldWithImages = (): RepWorld & { looking: Looking[] } => {
  const world = createWorld();
  const looking: Looking[] = [];
  world.runtime.describeImage = (rootfs) => new Promise((end) => looking.push({ rootfs, end }));
  return { ...world, looking };
};

const start = async (t: Test, world: RepWorld, config: object = {}) => {
  const rep = await startRep(world, {
    rootfs_providers: { preloaded: ['cflinuxfs4'], docker: [] },
    ...config,
  });
  t.teardown(() => rep.stop());
  return rep;
};

const ask = async (
  bus: Bus,
  subject: string = SUBJECTS.cellImage,
  rootfs = WEB,
): Promise<ImageReply | string> => {
  const answer = await bus.request(subject, encode('ImageQuery', { traceId: 't', rootfs }), {
    timeoutMs: 5_000,
  });
  if (!answer.ok) return answer.error;
  const reply = decode('ImageReply', answer.payload);
  return reply.ok ? reply.value : reply.error.message;
};

/** asks, and lets time pass until there is an answer */
const answered = async (
  world: RepWorld,
  asked: Promise<ImageReply | string>,
): Promise<ImageReply | string> => {
  let done = false;
  void asked.then(() => (done = true));
  for (let step = 0; step < 1_000 && !done; step += 1) await world.clock.advance(10);
  return asked;
};

t.test('images - one of the cells says what an image is made to run', async (t) => {
  const world = worldWithImages();
  await start(t, world);
  await start(t, { ...world, bbs: createFakeBbs() }, { cell_id: 'cell-2' });
  const asked = ask(world.bus);
  await world.clock.advance(10);
  t.same(
    world.looking.map(({ rootfs }) => rootfs),
    [WEB],
    'one looks',
  );
  world.looking[0]?.end({ ok: true, image: IMAGE });
  t.match(await answered(world, asked), { status: 'found', image: IMAGE, cellId: /^cell-[12]$/ });
});

t.test('images - what takes long is pending, and told by the same cell when it is known', async (t) => {
  const world = worldWithImages();
  await start(t, world);
  t.same(await answered(world, ask(world.bus)), { cellId: 'cell-1', status: 'pending', reason: '' });
  const again = cellSubject('cell-1', 'image');
  t.match(await answered(world, ask(world.bus, again)), { status: 'pending' });
  t.equal(world.looking.length, 1, 'it goes on with the same lookup');
  world.looking[0]?.end({ ok: false, reason: 'no such image' });
  await world.clock.advance(10_000);
  t.match(await answered(world, ask(world.bus, again)), { status: 'failed', reason: 'no such image' });

  const later = ask(world.bus, again);
  await world.clock.advance(10);
  t.equal(world.looking.length, 2, 'an outcome is told once: it may be there by now');
  world.looking[1]?.end({ ok: true, image: IMAGE });
  t.match(await answered(world, later), { status: 'found' });
});

t.test('images - an outcome that nobody comes for is forgotten', async (t) => {
  const world = worldWithImages();
  await start(t, world);
  await answered(world, ask(world.bus));
  world.looking[0]?.end({ ok: false, reason: 'no such image' });
  await world.clock.advance(61_000);
  t.match(await answered(world, ask(world.bus)), { status: 'pending' });
  t.equal(world.looking.length, 2);
});

t.test('images - more than a few lookups at a time wait their turn', async (t) => {
  const world = worldWithImages();
  await start(t, world);
  const names = Array.from({ length: 10 }, (_, at) => `docker:///web-${at}#latest`);
  for (const name of names) await answered(world, ask(world.bus, SUBJECTS.cellImage, name));
  t.equal(world.looking.length, 8);
  world.looking[0]?.end({ ok: true, image: IMAGE });
  await answered(world, ask(world.bus, SUBJECTS.cellImage, names[0]));
  t.match(await answered(world, ask(world.bus, SUBJECTS.cellImage, names[9])), { status: 'pending' });
  t.equal(world.looking.length, 9);
});

t.test('images - cells that take none say nothing, and offer none', async (t) => {
  const world = createWorld();
  const rep = await start(t, world);
  t.equal(await ask(world.bus), 'no-responders');
  t.same(Object.keys(rep.rep.cell.state().rootfsProviders), ['preloaded'], 'not offered without images');

  const stacks = worldWithImages();
  await start(t, stacks, { rootfs_providers: { preloaded: ['cflinuxfs4'] } });
  t.equal(await ask(stacks.bus), 'no-responders');

  const both = worldWithImages();
  const images = await start(t, both);
  t.same(images.rep.cell.state().rootfsProviders['docker'], { type: 'arbitrary' });
  both.runtime.isHealthy = false;
  t.equal(await answered(both, ask(both.bus)), 'timeout', 'an engine that is away lets others answer');
});

t.test('images - a cell that was refused its id answers nothing until it holds it', async (t) => {
  const world = worldWithImages();
  world.bbs.leaseHolder = 'somebody';
  world.bbs.away = true;
  await start(t, world);
  world.bbs.away = false;
  for (let step = 0; step < 100; step += 1) await world.clock.advance(100);
  t.equal(world.logger.named('rep.presence.lock-collision').length, 1);
  for (const subject of [SUBJECTS.cellImage, cellSubject('cell-1', 'image')])
    t.equal(await ask(world.bus, subject), 'no-responders', subject);
  world.bbs.leaseHolder = '';
  for (let step = 0; step < 100; step += 1) await world.clock.advance(100);
  t.match(await answered(world, ask(world.bus)), { status: 'pending', cellId: 'cell-1' });
});
