/** What a launch may be answered with: told with a code, the work never launched while it may run, and never forgotten. */
import t from 'tap';
import { answer } from '../support/mesos-raw-server.js';
import type { RawRequest } from '../support/mesos-raw-server.js';
import {
  accepted,
  launchedIn,
  offer,
  offers,
  sentIn,
  startSubscribed,
  text,
  until,
} from '../support/mesos-raw-master.js';

type Answer = readonly [what: string, say: (request: RawRequest) => void];

const status = (line: string, text = line): Answer => [line, (request) => answer(request, line, { text })];

/** Nothing of it runs, and the subscription goes on. */
const REFUSED: readonly Answer[] = [
  status('400 Bad Request', 'Failed to validate scheduler::Call'),
  status('402 Payment Required'),
  status('405 Method Not Allowed'),
  status('406 Not Acceptable'),
  status('408 Request Timeout'),
  status('409 Conflict'),
  status('413 Content Too Large'),
  status('415 Unsupported Media Type'),
  status('418 Teapot'),
  status('422 Unprocessable Content'),
  status('429 Too Many Requests'),
  status('451 Unavailable For Legal Reasons'),
  status('501 Not Implemented'),
  status('503 Service Unavailable'),
];

/** It may run: nobody knows until the master says so. */
const UNKNOWN: readonly Answer[] = [
  status('500 Internal Server Error'),
  status('502 Bad Gateway'),
  status('504 Gateway Timeout'),
  status('507 Insufficient Storage'),
  status('599 Odd'),
];

/** So it may, and the subscription is made anew. */
const LOST: readonly Answer[] = [
  status('307 Temporary Redirect'),
  status('400 Bad Request', "The stream ID 'x' in this request didn't match the stream ID"),
  status('401 Unauthorized'),
  status('403 Forbidden', 'Framework is not subscribed'),
  status('404 Not Found'),
  ['no answer', ({ socket }) => void socket.destroy()],
  ['half an answer', ({ socket }) => void socket.end('HTTP/1.1 202 Acc')],
  ['garbage', ({ socket }) => void socket.end('220 smtp\r\n\r\n')],
];

/** A master that gives each first launch of an instance its answer, and takes all else. */
const start = async (t: Parameters<typeof startSubscribed>[0], answers: readonly Answer[]) => {
  const answered = new Set<number>();
  const test = await startSubscribed(t, (request) => {
    const at = answers.findIndex((_, nth) => launchedIn(sentIn(request), `app-${nth}`).length > 0);
    if (at < 0 || answered.has(at)) return accepted(request);
    answered.add(at);
    answers[at]?.[1](request);
  });
  let number = 0;
  return {
    ...test,
    answered,
    say: (event: object) => void test.write(text(event)),
    /** its id */
    offer(): string {
      number += 1;
      test.write(offers(offer(number)));
      return `O${number}`;
    },
    declined: (offerId: string): boolean =>
      test.sent().some(({ decline }) => decline?.offer_ids.some(({ value }) => value === offerId)),
  };
};

t.test(
  'bad answers - a launch that is refused is given back, and made anew with the next offer',
  async (t) => {
    const test = await start(t, REFUSED);
    for (const [nth, [what]] of REFUSED.entries()) {
      await test.desire(`app-${nth}`);
      const offerId = test.offer();
      await until(`${what}: it has been answered`, () => test.answered.has(nth));
      await until(`${what}: the offer goes back`, () => test.declined(offerId));
      test.offer();
      await until(`${what}: it is launched`, () => test.launches(`app-${nth}`).length === 2);
      const [first, second] = test.launches(`app-${nth}`);
      t.not(first, second, `${what}: as another task`);
    }
    t.equal(test.subscriptions(), 1);
    const told = test.told('call-not-taken');
    t.equal(told.length, REFUSED.length);
    for (const { fields } of told)
      t.match(fields, { call: 'ACCEPT', code: 'MESOS_CALL_NOT_TAKEN', remedy: /./ });
  },
);

/** The master says, when it is asked, that it does not run. */
const dropped = (taskId: string) => ({
  type: 'UPDATE',
  update: {
    status: {
      ...{ task_id: { value: taskId }, state: 'TASK_DROPPED', agent_id: { value: 'S1' } },
      ...{ source: 'SOURCE_MASTER', reason: 'REASON_RECONCILIATION' },
    },
  },
});

const neverTwice = (name: string, answers: readonly Answer[], isLost: boolean): void => {
  t.test(
    `bad answers - ${name}: not launched again before the master says that it does not run`,
    async (t) => {
      const test = await start(t, answers);
      for (const [nth, [what]] of answers.entries()) {
        const before = test.subscriptions();
        await test.desire(`app-${nth}`);
        const offerId = test.offer();
        await until(`${what}: it has been answered`, () => test.answered.has(nth));
        const [first = ''] = test.launches(`app-${nth}`);
        if (isLost) await until(`${what}: it has subscribed anew`, () => test.subscriptions() > before);
        else await until(`${what}: the offer goes back`, () => test.declined(offerId));
        await until(`${what}: it is subscribed`, () => test.bridge.health().healthy);
        await test.desire(`other-${nth}`);
        test.offer();
        await until(`${what}: another is launched`, () => test.launches(`other-${nth}`).length === 1);
        t.same(test.launches(`app-${nth}`), [first], `${what}: it is not`);
        test.say(dropped(first));
        test.offer();
        await until(`${what}: now it is`, () => test.launches(`app-${nth}`).length === 2);
      }
      const told = test.told('call-not-taken').filter(({ fields }) => fields['call'] === 'ACCEPT');
      t.equal(told.length, answers.length);
      for (const { fields } of told) t.match(fields, { code: 'MESOS_CALL_NOT_TAKEN', remedy: /./ });
    },
  );
};

neverTwice('what failed over a launch', UNKNOWN, false);
neverTwice('what loses the subscription', LOST, true);
