/** What the bridge looks after by itself: agents that go into maintenance, work that nobody wants, work that has waited. */
import t from 'tap';
import { decode, encode } from '../../common/wire/codec.js';
import { cellSubject } from '../../common/wire/subjects.js';
import { desiredLrp, must } from '../support/bbs.js';
import { eventually } from '../support/eventually.js';
import type { MesosSystem } from '../support/mesos-system.js';
import { startMesosSystem } from '../support/mesos-system.js';

const LRP = { rootfs: 'preloaded:cflinuxfs4', memoryMb: 128, diskMb: 64 };

const running = async ({ bbs }: MesosSystem) =>
  must(await bbs.actualLrps({})).filter(({ state }) => state === 'RUNNING');

const until = <T>(what: string, check: () => T | Promise<T>) =>
  eventually(check, { timeoutMs: 20_000, what });

t.test('care - an agent that is about to be taken out of service is evacuated, others are not', async (t) => {
  const system = await startMesosSystem(t, { agents: 2 });
  await system.startAuctioneer();
  await system.startBridge({ executor: { command: './run', idle: '1h' } });
  must(await system.bbs.desireLrp(desiredLrp({ ...LRP, instances: 1 }), 't'));
  const [row] = await until('it runs', async () => {
    const rows = await running(system);
    return rows.length === 1 && rows;
  });
  const cellId = row?.cellId ?? '';
  const asked: string[] = [];
  let accepted = false;
  const bus = system.bus.client();
  bus.subscribe(cellSubject('*', 'evacuate'), (message) => {
    asked.push(message.subject);
    const { traceId } = must(decode('Traced', message.payload));
    t.not(traceId, '');
    message.respond(encode('Ack', { accepted, reason: accepted ? '' : 'not yet' }));
    accepted = true;
  });
  const at = system.agents.findIndex(({ agent }) => cellId === `mesos-${agent.id()}`);
  await system.maintain(`agent-${at}`, { inMs: 60_000 });
  await until('it is told to leave, again when it has not said yes', () => asked.length === 2);
  await until('which is told', () => system.logger.named('mesos-bridge.evacuating').length === 1);
  t.same(new Set(asked), new Set([cellSubject(cellId, 'evacuate')]));
  t.match(system.logger.named('mesos-bridge.not-evacuated'), [
    { fields: { code: 'MESOS_AGENT_NOT_EVACUATED', reason: 'not yet' } },
  ]);
});

t.test('care - what runs on Mesos and is unknown to the BBS is killed, and nothing else', async (t) => {
  const system = await startMesosSystem(t);
  await system.startAuctioneer();
  const first = await system.startBridge();
  must(await system.bbs.desireLrp(desiredLrp({ ...LRP, processGuid: 'kept', instances: 2 }), 't'));
  must(await system.bbs.desireLrp(desiredLrp({ ...LRP, processGuid: 'gone' }), 't'));
  const rows = await until('all run', async () => {
    const found = await running(system);
    return found.length === 3 && found;
  });
  await first.stop();
  must(await system.bbs.removeDesiredLrp('gone', 't'));
  const { domain, index, processGuid, instanceGuid, cellId } = rows.find(
    (one) => one.processGuid === 'gone',
  )!;
  const instanceKey = { instanceGuid, cellId };
  must(await system.bbs.removeActualLrp({ key: { processGuid, index, domain }, instanceKey }, 't'));
  await system.startBridge();
  const killed = () => system.reps().flatMap((rep) => rep.killed);
  await until('it is killed', () => killed().length > 0);
  await until('and has ended', async () => (await system.offers()).tasks === 2);
  t.same(killed(), [`lrp.${instanceGuid}.0.gone`]);
  t.equal((await running(system)).length, 2);
  t.match(system.logger.named('mesos-bridge.unwanted-task'), [{ fields: { code: 'MESOS_TASK_UNWANTED' } }]);
});

t.test('care - a bridge that has subscribed has the BBS ask for all that waits', async (t) => {
  const system = await startMesosSystem(t);
  let announced = 0;
  const bus = system.bus.client();
  bus.subscribe('auction.capacity', () => void (announced += 1));
  await system.startBridge();
  await until('it is announced', () => announced === 1);
});
