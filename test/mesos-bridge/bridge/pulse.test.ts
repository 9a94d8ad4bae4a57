import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import { createPulse } from '../../../mesos-bridge/bridge/pulse.js';
import { createDemand } from '../../../mesos-bridge/core/demand.js';
import { HUNGER_DEFAULTS, createHunger } from '../../../mesos-bridge/core/hunger.js';
import { NEED_DEFAULTS, needOf } from '../../../mesos-bridge/core/needs.js';
import { RECONCILIATION_DEFAULTS, createReconciliation } from '../../../mesos-bridge/core/reconciliation.js';
import { anLrpWork } from '../../support/cell-states.js';
import { bookWith, offer } from '../../support/mesos-book.js';

/** A bridge with one agent's offer in hand, and what it has told the BBS. */
const open = ({ isSubscribed = true } = {}) => {
  const clock = createFakeClock();
  const now = clock.monotonic();
  const book = bookWith([]);
  book.offers.wants(1, now);
  book.offered([offer('a', { mem: 1_024 })], { now, wall: clock.now() });
  const demand = createDemand();
  let calls = 0;
  const nothing = (): void => undefined;
  const pulse = createPulse({
    book: () => book,
    demand,
    hunger: createHunger(HUNGER_DEFAULTS),
    reconciliation: createReconciliation(RECONCILIATION_DEFAULTS),
    sender: { send: nothing } as never,
    statuses: { lost: nothing },
    clock,
    logger: createCaptureLogger(),
    isSubscribed: () => isSubscribed,
    lastOfferAt: () => now,
    ...{ perform: nothing, ask: nothing, onDemand: nothing, leave: nothing, look: nothing, tryStep: nothing },
    announce: () => void (calls += 1),
  });
  const waits = (memoryMb: number): void =>
    void demand.waits('web/0', needOf(anLrpWork({ memoryMb }), NEED_DEFAULTS), clock.monotonic());
  const callsIn = async (ms: number): Promise<number> => {
    calls = 0;
    for (let passed = 0; passed < ms; passed += 250) {
      pulse.beat();
      await clock.advance(250);
    }
    return calls;
  };
  return { demand, waits, callsIn };
};

t.test(
  'pulse - work that waits while an offer in hand has room for it is asked for, once a second',
  async (t) => {
    const { demand, waits, callsIn } = open();
    t.equal(await callsIn(2_000), 0, 'nothing waits');
    waits(256);
    t.equal(await callsIn(3_000), 3);
    demand.served('web/0');
    t.equal(await callsIn(2_000), 0);
  },
);

t.test('pulse - nobody is asked while nothing has room, or offers may be void', async (t) => {
  const full = open();
  full.waits(4_096);
  t.equal(await full.callsIn(3_000), 0);
  const away = open({ isSubscribed: false });
  away.waits(256);
  t.equal(await away.callsIn(3_000), 0);
});
