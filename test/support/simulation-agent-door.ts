import type { Clock } from '../../common/ports/clock.js';
import type { Random } from '../../common/ports/random.js';
import { decode, encode } from '../../mesos-bridge/protocol/codec.js';
import { readExecutorEvent } from '../../mesos-bridge/protocol/events.js';
import type { OpenExecutorSession } from '../../mesos-bridge/protocol/executor/client.js';
import type { ExecutorSessionOptions } from '../../mesos-bridge/protocol/executor/session.js';
import type { CallFailure } from '../../mesos-bridge/protocol/scheduler/answers.js';
import { failureOf } from '../../mesos-bridge/protocol/scheduler/answers.js';
import { lossByEnd, lostBy } from '../../mesos-bridge/protocol/scheduler/loss.js';
import type { Loss } from '../../mesos-bridge/protocol/scheduler/loss.js';
import { wrongCall } from '../../mesos-bridge/simulator/agent/executor-call.js';
import type { Answer, ExecutorDoor } from '../../mesos-bridge/simulator/agent/executor-door.js';
import type { AgentEndpoint } from '../../mesos-bridge/simulator/agent/parts.js';
import { must } from './bbs.js';
import type { Life } from './simulation-mortal.js';
import { createWire } from './simulation-wire.js';
import type { Wire } from './simulation-wire.js';

/** The executor API of one agent, without the sockets. */
export interface AgentDoor extends AgentEndpoint {
  connect(options: ExecutorSessionOptions, life: Life): OpenExecutorSession;
  /** its process is gone: the agent hears so */
  hangUp(life: Life): void;
}

const LOST: CallFailure = { kind: 'lost', message: 'there is no subscription' };
const SUBSCRIBED_NEVER = { status: 0, text: 'connect ECONNREFUSED' };

/** As its HTTP side has it (mesos-bridge/simulator/handlers/executor-endpoint.ts); 0: nobody listens. */
const ask = (door: ExecutorDoor, bytes: Uint8Array, token: string): Answer => {
  if (door.isRecovering()) return { status: 503, text: 'Agent has not finished recovery' };
  const claims = door.claimsOf(token);
  if (claims === undefined) return { status: 401, text: '401 Unauthorized.' };
  const call = must(decode('ExecutorCall', bytes, 'protobuf'));
  const wrong = wrongCall(call);
  return wrong === undefined ? door.call(call, claims) : { status: 400, text: wrong };
};

export const createAgentDoor = (
  door: ExecutorDoor,
  { clock, random, port }: { clock: Clock; random: Random; port: number },
): AgentDoor => {
  const wires = new Set<Wire>();
  let listening = false;

  const connect = (options: ExecutorSessionOptions, life: Life): OpenExecutorSession => {
    const { environment } = options;
    const { token, executorId, frameworkId } = environment;
    const told = { server: environment.agentEndpoint, principal: executorId };
    const bytesOf = (call: object): Uint8Array =>
      encode(
        'ExecutorCall',
        { ...call, executorId: { value: executorId }, frameworkId: { value: frameworkId } } as never,
        'protobuf',
      );
    let [over, subscribed] = [false, false];
    let cancel = (): void => undefined;
    const asked = new Set<(failure: CallFailure | undefined) => void>();

    const close = (): void => {
      over = true;
      wires.delete(wire);
      wire.hangUp();
      for (const resolve of asked) resolve(LOST);
    };
    const lose = (loss: Loss): void => {
      if (over) return;
      close();
      options.onLost(loss);
    };
    const wire = createWire({
      clock,
      random,
      life,
      onServerEnd: () => cancel(),
      onClientEnd: () => lose(lossByEnd({ is: 'cut', reason: 'other side closed' }, told)),
    });
    wires.add(wire);

    const refuse = ({ status, text }: { status: number; text: string }): void =>
      wire.down(() =>
        lose(
          lossByEnd(
            status === 0
              ? { is: 'unreachable', reason: text }
              : { is: 'answered', status, location: '', text },
            told,
          ),
        ),
      );
    const onRecord = (record: Uint8Array): void => {
      if (over) return;
      const event = must(readExecutorEvent(record, 'protobuf'));
      subscribed ||= event.type === 'SUBSCRIBED';
      options.onEvent(event);
    };
    const first = bytesOf({ type: 'SUBSCRIBE', subscribe: options.subscribe });
    wire.up(() => {
      if (!listening) return refuse(SUBSCRIBED_NEVER);
      const answer = ask(door, first, token);
      if (answer === 'accepted') throw new Error('SUBSCRIBE was accepted');
      if ('status' in answer) return refuse(answer);
      cancel = answer.subscribe({
        send(event) {
          const record = encode('ExecutorEvent', event, 'protobuf');
          wire.down(() => onRecord(record));
        },
        end: () => wire.down(() => lose(lossByEnd({ is: 'ended' }, told))),
      });
    });

    return {
      subscribed: () => subscribed && !over,
      send(call) {
        if (over || !subscribed) return Promise.resolve(LOST);
        const bytes = bytesOf(call);
        return new Promise((resolve) => {
          asked.add(resolve);
          wire.up(() => {
            const answer = ask(door, bytes, token);
            if (typeof answer === 'object' && 'subscribe' in answer) throw new Error('SUBSCRIBE twice');
            wire.down(() => {
              asked.delete(resolve);
              const status = answer === 'accepted' ? { status: 202, text: '' } : answer;
              const failure = failureOf({ is: 'answered', location: '', ...status });
              resolve(failure);
              if (failure && failure.kind !== 'refused') lose(lostBy('call', told.server, failure.message));
            });
          });
        });
      },
      close: () => !over && close(),
    };
  };

  const breakAll = (): void => {
    listening = false;
    for (const wire of [...wires]) wire.cut();
    wires.clear();
  };
  return {
    connect,
    open: async () => {
      listening = true;
      return port;
    },
    crash: breakAll,
    close: async () => breakAll(),
    hangUp(life) {
      for (const wire of [...wires])
        if (wire.life === life) {
          wires.delete(wire);
          wire.hangUp();
        }
    },
  };
};
