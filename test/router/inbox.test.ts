import t from 'tap';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import type { BusMessage } from '../../common/ports/bus.js';
import { createInbox } from '../../router/registrar/inbox.js';

const message = (subject: string): BusMessage => ({
  subject,
  payload: new Uint8Array(),
  expectsReply: false,
  respond: () => false,
});

/** each message takes `costMs` */
const slowInbox = (costMs: number, capacity?: number) => {
  const clock = createFakeClock();
  const taken: string[] = [];
  let full = 0;
  const inbox = createInbox({
    clock,
    onFull: () => (full += 1),
    ...(capacity !== undefined && { capacity }),
  });
  const take = ({ subject }: BusMessage): void => {
    clock.oversleep(costMs);
    taken.push(subject);
  };
  return { clock, inbox, taken, full: () => full, push: (name: string) => inbox.push(take, message(name)) };
};

t.test('inbox - what comes is taken at once', async (t) => {
  const { inbox, taken, push } = slowInbox(0);
  for (let nth = 0; nth < 1000; nth += 1) push(String(nth));
  t.equal(taken.length, 1000);
  t.equal(inbox.waiting(), 0);
});

t.test('inbox - beyond 2 ms of a turn the rest waits for the next ones, in its order', async (t) => {
  const { clock, inbox, taken, push } = slowInbox(1);
  const names = Array.from({ length: 7 }, (_, nth) => String(nth));
  names.forEach(push);
  t.same(taken, ['0', '1']);
  t.equal(inbox.waiting(), 5);
  await clock.advance(100);
  t.same(taken, names);
  t.equal(inbox.waiting(), 0);
  push('next');
  t.equal(taken.length, 8);
});

t.test('inbox - what finds no room is counted, told of once, and there is room again', async (t) => {
  const { clock, inbox, full, taken, push } = slowInbox(5, 3);
  for (let nth = 0; nth < 10; nth += 1) push(String(nth));
  t.same([taken.length, inbox.waiting(), inbox.dropped(), full()], [1, 3, 6, 1]);
  await clock.advance(100);
  t.same(taken, ['0', '1', '2', '3']);
  for (let nth = 0; nth < 10; nth += 1) push('more');
  t.equal(full(), 2, 'the next flood is told of again');
});

t.test('inbox - at the end what waits is forgotten', async (t) => {
  const { clock, inbox, taken, push } = slowInbox(5);
  for (let nth = 0; nth < 4; nth += 1) push(String(nth));
  inbox.clear();
  await clock.advance(100);
  t.same(taken, ['0']);
});
