/** What real agents told their executors, told to ours: the work is ours, the order and the acknowledgements are theirs. */
import t from 'tap';
import { decode } from '../../../mesos-bridge/protocol/codec.js';
import type { ExecutorCall } from '../../../mesos-bridge/protocol/messages.js';
import { readExecutorEvent } from '../../../mesos-bridge/protocol/events.js';
import type { KnownExecutorEvent } from '../../../mesos-bridge/protocol/events.js';
import { desiredLrp } from '../../support/lrps.js';
import { lrpTask, startExecutor } from '../../support/executor-world.js';
import { bytesOf, payloadOf, readRecording } from '../../support/mesos-recordings.js';
import type { RecordedExchange } from '../../support/mesos-recordings.js';
import { createWorld } from '../../support/rep.js';

const callOf = ({ request, encoding }: RecordedExchange): ExecutorCall | undefined => {
  const call = decode('ExecutorCall', bytesOf(request.body_base64), encoding);
  return call.ok ? call.value : undefined;
};

const eventsOf = ({ response, encoding }: RecordedExchange): KnownExecutorEvent[] =>
  (response?.stream ?? []).flatMap((frame) => {
    const event = readExecutorEvent(payloadOf(frame), encoding);
    return event.ok ? [event.value] : [];
  });

/** Subscriptions of the recording that were given tasks. */
const subscriptions = (name: string): KnownExecutorEvent[][] =>
  readRecording(name)
    .exchanges.filter((one) => one.who === 'executor' && callOf(one)?.type === 'SUBSCRIBE')
    .map(eventsOf)
    .filter((events) => events.some(({ type }) => type === 'LAUNCH'));

const guidOf = (taskId: string): string => taskId.replaceAll(/[^A-Za-z0-9_-]/g, '_');

const replay = async (events: readonly KnownExecutorEvent[]) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  const executor = await startExecutor({ world });
  await executor.until(() => executor.cell.whyClosed() === '', 'takes work');
  const { agent } = executor;
  const ours = new Map<string, string>();
  const killed = new Set<string>();
  for (const event of events) {
    if (event.type === 'LAUNCH') {
      const { value: theirs } = event.launch.task.taskId;
      const id = executor.launch(lrpTask(guidOf(theirs), { index: ours.size }, { mem: 64 + ours.size }));
      ours.set(theirs, id);
      await executor.until(() => agent.told(id).includes('STARTING'), 'known');
    } else if (event.type === 'KILL') {
      const id = ours.get(event.kill.taskId.value) ?? event.kill.taskId.value;
      agent.tell({ ...event, kill: { ...event.kill, taskId: { value: id } } });
      killed.add(id);
    } else agent.tell(event);
    await world.clock.advance(20);
  }
  return { executor, agent, ours, killed, world };
};

for (const name of ['04', '08', '09', '10', '12']) {
  const streams = subscriptions(name);
  t.test(`executor recordings - ${readRecording(name).name}`, async (t) => {
    t.ok(streams.length > 0);
    for (const events of streams) {
      const { executor, agent, ours, killed } = await replay(events);
      const isShutDown = events.some(({ type }) => type === 'SHUTDOWN');
      if (isShutDown) await executor.until(executor.ended, 'ended');
      for (const id of ours.values()) {
        const ends = isShutDown || killed.has(id);
        if (ends) await executor.until(() => agent.told(id).includes('KILLED'), `${id} killed`);
        else await executor.until(() => agent.told(id).includes('RUNNING'), `${id} running`);
        const states = agent.told(id);
        t.equal(states[0], 'STARTING');
        t.equal(new Set(states).size, states.length, 'nothing is told twice');
        t.equal(states.includes('KILLED'), ends);
        if (ends) t.same(states.slice(-2), ['KILLING', 'KILLED']);
      }
      await executor.stop();
    }
  });
}
