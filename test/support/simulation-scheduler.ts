import type { Clock } from '../../common/ports/clock.js';
import type { Random } from '../../common/ports/random.js';
import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import { decode, encode } from '../../mesos-bridge/protocol/codec.js';
import { readSchedulerEvent } from '../../mesos-bridge/protocol/events.js';
import type { Draft, SchedulerCall, SchedulerEvent } from '../../mesos-bridge/protocol/messages.js';
import type { CallFailure, SchedulerSession } from '../../mesos-bridge/protocol/scheduler/client.js';
import { failureOf } from '../../mesos-bridge/protocol/scheduler/answers.js';
import { lossByEnd, lossByErrorEvent, lostBy } from '../../mesos-bridge/protocol/scheduler/loss.js';
import type { Loss } from '../../mesos-bridge/protocol/scheduler/loss.js';
import type { SessionOptions } from '../../mesos-bridge/protocol/scheduler/session.js';
import type { Faults } from '../../mesos-bridge/simulator/faults.js';
import { createLane } from '../../mesos-bridge/simulator/lane.js';
import { disconnectFramework, subscribe } from '../../mesos-bridge/simulator/master/frameworks.js';
import { callProblem, perform } from '../../mesos-bridge/simulator/master/scheduler-calls.js';
import type { Framework, Master } from '../../mesos-bridge/simulator/master/state.js';
import { must } from './bbs.js';
import type { Life } from './simulation-mortal.js';
import { createWire } from './simulation-wire.js';
import type { Wire } from './simulation-wire.js';

export interface SchedulerDoorOptions {
  clock: Clock;
  random: Random;
  faults: Faults;
  /** undefined: none leads */
  master(): Master | undefined;
}

/** The scheduler API of whichever master leads, without the sockets. */
export interface SchedulerDoor {
  open(options: SessionOptions, life: Life): SchedulerSession;
  /** every connection breaks, or those of one life */
  cut(life?: Life): void;
  /** its process is gone: the master hears so */
  hangUp(life: Life): void;
}

const SILENCE_MS = 75_000;
const PRINCIPAL = 'outcry';
const LOST: CallFailure = { kind: 'lost', message: 'there is no subscription' };

type Answered = { status: number; text: string };

/** What the HTTP side of a master checks and answers (mesos-bridge/simulator/handlers/scheduler-api.ts). */
const answerCall = (m: Master, call: SchedulerCall, streamId: string): Answered => {
  if (m.ended) return { status: 503, text: '' };
  const problem = callProblem(call, PRINCIPAL);
  if (problem !== undefined) return { status: 400, text: problem };
  const framework = m.frameworks.get(call.frameworkId?.value ?? '');
  if (framework === undefined) return { status: 400, text: 'Framework cannot be found' };
  if (framework.stream?.id !== streamId) return { status: 403, text: 'Framework is not subscribed' };
  perform(m, framework, call);
  return { status: 202, text: '' };
};

export const createSchedulerDoor = ({
  clock,
  random,
  faults,
  master,
}: SchedulerDoorOptions): SchedulerDoor => {
  const wires = new Set<Wire>();

  const open = (options: SessionOptions, life: Life): SchedulerSession => {
    const server = options.place.origin;
    let frameworkId = options.subscribe.frameworkInfo.id?.value ?? '';
    let since: number | undefined;
    let over = false;
    let silence = (): void => undefined;
    const asked = new Set<(answer: Result<undefined, CallFailure>) => void>();
    const at: { m?: Master; framework?: Framework | undefined } = {};
    const streamId = random.uuid();

    const close = (): void => {
      over = true;
      silence();
      wire.hangUp();
      wires.delete(wire);
      for (const resolve of asked) resolve(err(LOST));
    };
    const lose = (loss: Loss): void => {
      if (over) return;
      close();
      options.onLost(loss, since === undefined ? 0 : clock.monotonic() - since);
    };
    const told = { server, principal: PRINCIPAL };
    const wire = createWire({
      clock,
      random,
      life,
      onServerEnd: () => at.m && at.framework && disconnectFramework(at.m, at.framework, streamId),
      onClientEnd: () => lose(lossByEnd({ is: 'cut', reason: 'other side closed' }, told)),
    });
    wires.add(wire);

    const heard = (): void => {
      silence();
      silence = life.clock.after(SILENCE_MS, () => lose(lossByEnd({ is: 'silent', ms: SILENCE_MS }, told)));
    };
    const onRecord = (record: Uint8Array): void => {
      if (over) return;
      heard();
      const event = must(readSchedulerEvent(record, 'protobuf'));
      if (event.type === 'ERROR') return lose(lossByErrorEvent(event.error.message, server, frameworkId));
      if (event.type === 'SUBSCRIBED') {
        frameworkId = event.subscribed.frameworkId.value;
        since = clock.monotonic();
      }
      options.onEvent(event);
    };
    const lane = createLane<Draft<SchedulerEvent>>({
      clock,
      fate: (event) => faults.toScheduler?.(at.framework?.id ?? '', event) ?? 'deliver',
      deliver(event) {
        const record = encode('SchedulerEvent', event, 'protobuf');
        wire.down(() => onRecord(record));
      },
    });
    const sink = {
      send: lane.send,
      end: () => lane.end(() => wire.down(() => lose(lossByEnd({ is: 'ended' }, told)))),
    };

    heard();
    wire.up(() => {
      const m = master();
      if (m === undefined)
        return wire.down(() => lose(lossByEnd({ is: 'unreachable', reason: 'connect ECONNREFUSED' }, told)));
      at.m = m;
      at.framework = subscribe(m, {
        subscribe: must(
          decode('CallSubscribe', encode('CallSubscribe', options.subscribe, 'protobuf'), 'protobuf'),
        ),
        streamId,
        sink,
        principal: PRINCIPAL,
      });
    });

    return {
      server: () => server,
      subscribed: () => since !== undefined && !over,
      send(call) {
        if (over || since === undefined) return Promise.resolve(err(LOST));
        const bytes = encode('SchedulerCall', { ...call, frameworkId: { value: frameworkId } }, 'protobuf');
        return new Promise((resolve) => {
          asked.add(resolve);
          wire.up(() => {
            if (at.m === undefined) return;
            const answer = answerCall(at.m, must(decode('SchedulerCall', bytes, 'protobuf')), streamId);
            wire.down(() => {
              asked.delete(resolve);
              const failure = failureOf({ is: 'answered', location: '', ...answer });
              resolve(failure === undefined ? ok(undefined) : err(failure));
              if (failure?.kind === 'lost') lose(lostBy('call', server, failure.message));
            });
          });
        });
      },
      end: (kind, reason) => lose(lostBy(kind, server, reason)),
      close: () => !over && close(),
    };
  };

  return {
    open,
    cut(life) {
      for (const wire of [...wires]) if (life === undefined || wire.life === life) wire.cut();
    },
    hangUp(life) {
      for (const wire of [...wires])
        if (wire.life === life) {
          wires.delete(wire);
          wire.hangUp();
        }
    },
  };
};
