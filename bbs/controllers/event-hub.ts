import type { BbsEvent } from '../../common/model/events.js';
import type { DesiredLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import type { Bus } from '../../common/ports/bus.js';
import { MAX_PAYLOAD_BYTES } from '../../common/ports/bus.js';
import type { Cancel } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { unattended } from '../../common/runtime/unattended.js';
import { encode, toJson } from '../../common/wire/codec.js';
import { bbsEventSubject } from '../../common/wire/subjects.js';

/** An event as it goes to subscribers: encoded once, however many there are. */
export interface ToldEvent {
  /** `<epoch>-<sequence>`, rising by one */
  id: string;
  kind: BbsEvent['kind'];
  event: BbsEvent;
  json(): string;
}

export interface EventHub {
  /** never throws: whoever fails to hear of it costs nobody else theirs */
  publish(event: BbsEvent): void;
  subscribe(listener: (event: ToldEvent) => void): Cancel;
  subscribers(): number;
}

/** What is left of a desired LRP that is too large for a message: enough to tell which one, and to route. */
const referenceTo = (lrp: DesiredLrp): DesiredLrp => {
  const { setup: _setup, action: _action, monitor: _monitor, checkDefinition: _check, ...rest } = lrp;
  return { ...rest, env: [], sidecars: [], volumeMountedFiles: [], egressRules: [], annotation: '' };
};

const taskReference = (task: Task): Task => {
  const { action: _action, ...rest } = task;
  return { ...rest, env: [], volumeMountedFiles: [], egressRules: [], annotation: '' };
};

/** The event with its large parts left out; whoever needs them asks the BBS. */
const reduced = (event: BbsEvent): BbsEvent => {
  switch (event.kind) {
    case 'desired_lrp_created':
    case 'desired_lrp_removed':
      return { ...event, desiredLrp: referenceTo(event.desiredLrp) };
    case 'desired_lrp_changed':
      return { ...event, before: referenceTo(event.before), after: referenceTo(event.after) };
    case 'task_created':
    case 'task_removed':
      return { ...event, task: taskReference(event.task) };
    case 'task_changed':
      return { ...event, before: taskReference(event.before), after: taskReference(event.after) };
    default:
      return event;
  }
};

const lazily = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
};

/** Tells every subscriber, and the bus, of every change in the order of commits. */
export const createEventHub = (options: { bus: Bus; logger: Logger; epoch: number }): EventHub => {
  const { bus, logger, epoch } = options;
  const listeners = new Set<(event: ToldEvent) => void>();
  let sequence = 0;

  const toBus = (event: BbsEvent): void => {
    const payload = encode('BbsEvent', event);
    const fits = payload.byteLength <= MAX_PAYLOAD_BYTES;
    if (!fits) logger.info('events.reduced', { kind: event.kind, bytes: payload.byteLength });
    bus.publish(bbsEventSubject(event.kind), fits ? payload : encode('BbsEvent', reduced(event)));
  };

  return {
    publish(event) {
      sequence += 1;
      const json = lazily(() => JSON.stringify(toJson('BbsEvent', event)));
      const told: ToldEvent = { id: `${epoch}-${sequence}`, kind: event.kind, event, json };
      const failed = { logger, event: 'events.failed', fields: { kind: event.kind, id: told.id } };
      for (const listener of listeners) unattended(failed, () => listener(told));
      unattended(failed, () => toBus(event));
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    subscribers: () => listeners.size,
  };
};
