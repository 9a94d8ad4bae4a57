import t from 'tap';
import { refusalIn } from '../../../common/runtime/door-refusal.js';
import { requireSuite } from '../../support/requires.js';
import { openTlsDoors } from '../../support/tls-door.js';

const suite = (): void => {
  t.test('door - lets in the roles that it lists, and tells the others why, once', async (t) => {
    const { authority, logger, openDoor, connect } = await openTlsDoors(t);
    const url = (await openDoor(await authority.issue('server'), ['auctioneer', 'cell'])).url();
    const issue = (name: string, role?: string) => authority.issue(name, role === undefined ? {} : { role });

    const cell = connect(url, await issue('cell-1', 'cell'));
    const answers = await Promise.all(Array.from({ length: 20 }, () => cell.ask()));
    t.ok(
      answers.every(({ status, text }) => status === 200 && text === 'open'),
      'connections that go on from an earlier session, too',
    );

    const router = connect(url, await issue('the-router', 'router'));
    const { status, text } = await router.ask();
    t.equal(status, 403);
    t.match(JSON.parse(text), {
      error: 'CLIENT_ROLE_REFUSED',
      reason: /the BBS does not let in the-router at 127\.0\.0\.1: .* is router, .* auctioneer, cell$/,
      remedy: /certificate/,
    });
    t.match(refusalIn(status, text), { code: 'CLIENT_ROLE_REFUSED', details: { role: 'router' } });
    await router.ask();
    const another = connect(url, await issue('router-2', 'router'));
    await another.ask();
    t.same(
      logger.named('client-refused').map(({ fields }) => [fields['code'], fields['from']]),
      [
        ['CLIENT_ROLE_REFUSED', '127.0.0.1'],
        ['CLIENT_ROLE_REFUSED', '127.0.0.1'],
      ],
      'once for each of the two',
    );

    const older = connect(url, await issue('cell-2'));
    t.match(await older.ask(), { status: 403, text: /cell-2 at .* is none/ }, 'nor one that says no role');
    const wrong = connect(url, await issue('cell', 'operators'));
    t.match(await wrong.ask(), { status: 403, text: /is operators/ }, 'its name does not matter');
    t.same(await cell.ask(), { status: 200, text: 'open' });
  });

  t.test('door - without a list whoever has a certificate of the authority is let in', async (t) => {
    const { authority, logger, listen, get } = await openTlsDoors(t);
    const url = await listen(await authority.issue('server', { role: 'bbs' }));
    t.equal(await get(url, await authority.issue('older')), 'open');
    t.equal(await get(url, await authority.issue('newer', { role: 'router' })), 'open');
    t.same(logger.named('client-refused'), []);
  });
};

requireSuite(t, 'nats', suite);

t.test('refusal of a door - is told from every other answer', (t) => {
  t.equal(refusalIn(403, ''), undefined);
  t.equal(refusalIn(403, '{"error": {"code": "x"}}'), undefined);
  t.equal(refusalIn(403, '{"error": "CLIENT_ROLE_REFUSED"}'), undefined);
  t.equal(refusalIn(200, '{"error": "CLIENT_ROLE_REFUSED", "details": {}}'), undefined);
  t.end();
});
