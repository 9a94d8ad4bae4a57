/** The simulated agent meets the executors of a real one, and answers alike. */
import t from 'tap';
import type { ExecutorEvent, TaskStatus } from '../../../mesos-bridge/protocol/messages.js';
import { recorded, replay } from '../../support/mesos-agent-replay.js';
import { readRecording } from '../../support/mesos-recordings.js';

/** Containers have other ids, and processes other numbers. */
const comparableEvent = (event: ExecutorEvent): unknown => {
  if (!event.subscribed) return event;
  const { containerId, agentInfo, ...rest } = event.subscribed;
  return { ...event, subscribed: { ...rest, agentId: agentInfo.id, container: containerId !== undefined } };
};

const comparableStatus = ({
  uuid: _uuid,
  timestamp: _time,
  containerStatus,
  ...rest
}: TaskStatus): unknown => ({
  ...rest,
  container: containerStatus !== undefined,
});

/** Acknowledgements of different tasks overtake each other. */
const comparableStream = (events: readonly ExecutorEvent[]): unknown => ({
  acknowledged: events
    .flatMap(({ acknowledged }) => acknowledged ?? [])
    .map(({ taskId, uuid }) => `${taskId.value} ${Buffer.from(uuid).toString('hex')}`)
    .sort(),
  others: events.filter(({ type }) => type !== 'ACKNOWLEDGED').map(comparableEvent),
});

const byTask = (statuses: readonly TaskStatus[]): Record<string, unknown[]> => {
  const found: Record<string, unknown[]> = {};
  for (const status of statuses) (found[status.taskId.value] ??= []).push(comparableStatus(status));
  return found;
};

/** An executor that was killed without a word, and given a task before its agent had noticed. */
const KILLED_UNSEEN = 'ex-race';

const isOfKilled = ([first]: readonly ExecutorEvent[]): boolean =>
  first?.subscribed?.executorInfo.executorId.value === KILLED_UNSEEN;

for (const name of ['04', '05', '08', '09', '10', '11']) {
  const recording = readRecording(name);
  t.test(`agent recordings - ${recording.name}`, async (t) => {
    const [expected, found] = [recorded(recording), await replay(recording)];
    // what is not the executor's API belongs to the agent's operators, who are not served here
    const known = expected.answers.filter(({ label }) => label !== 'other path');
    t.same(
      found.answers.filter(({ seq }) => known.some((one) => one.seq === seq)),
      known,
    );
    t.same([...found.streams.keys()], [...expected.streams.keys()]);
    for (const [seq, events] of [...expected.streams].filter(([, events]) => !isOfKilled(events)))
      t.same(comparableStream(found.streams.get(seq) ?? []), comparableStream(events), `stream ${seq}`);
    const [told, should] = [byTask(found.statuses), byTask(expected.statuses)];
    for (const [taskId, statuses] of Object.entries(told)) t.same(statuses, should[taskId], taskId);
    t.ok(Object.keys(told).length > 1);
  });
}
