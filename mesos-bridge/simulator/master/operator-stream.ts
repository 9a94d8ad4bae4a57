import type { MasterEvent } from '../../protocol/messages.js';
import type { EventSink, Master, Subscriber } from './state.js';
import { getState } from './views.js';

export const unsubscribeOperator = (m: Master, subscriber: Subscriber): void => {
  subscriber.stopHeartbeats();
  m.subscribers.delete(subscriber);
};

/** An operator's SUBSCRIBE; above the maximum the oldest stream ends. */
export const subscribeOperator = (m: Master, sink: EventSink<MasterEvent>): Subscriber => {
  const heartbeatIntervalSeconds = m.flags.heartbeatMs / 1000;
  const subscriber: Subscriber = {
    sink,
    stopHeartbeats: m.clock.every(m.flags.heartbeatMs, () => sink.send({ type: 'HEARTBEAT' })),
  };
  m.subscribers.add(subscriber);
  sink.send({ type: 'SUBSCRIBED', subscribed: { getState: getState(m), heartbeatIntervalSeconds } });
  sink.send({ type: 'HEARTBEAT' });
  const [oldest] = m.subscribers;
  if (m.subscribers.size > m.flags.maxOperatorSubscribers && oldest !== undefined) {
    unsubscribeOperator(m, oldest);
    oldest.sink.end();
  }
  return subscriber;
};
