import type { BbsEvent } from '../../common/model/events.js';
import type { DesiredLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import type { Bus } from '../../common/ports/bus.js';
import { MAX_PAYLOAD_BYTES } from '../../common/ports/bus.js';
import type { Cancel } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { unattended } from '../../common/runtime/unattended.js';
import { encode } from '../../common/wire/codec.js';
import { bbsEventSubject } from '../../common/wire/subjects.js';
import type { LrpEvent, TaskEvent } from '../core/groups.js';
import type { DiegoEvent, StreamForm } from '../protocol/events.js';
import { cellsOf, diegoFrame, differsByForm, outcryFrame } from '../protocol/events.js';
import { createEventWindow } from './event-window.js';
import type { EventWindow, WindowLimits } from './event-window.js';
import { createGroupView } from './group-view.js';
import type { RowTable } from './group-view.js';

/** An event as it goes to subscribers: encoded once, however many there are. */
export interface ToldEvent {
  /** rising by one */
  sequence: number;
  event: BbsEvent;
  /** with its id, `<epoch>-<sequence>`; '' when it could not be made */
  frame(): string;
}

/** An event of Diego's streams: encoded once per form. */
export interface StreamEvent {
  /** cells that it is of; undefined where it is everybody's */
  cells: readonly string[] | undefined;
  /** without its id, which each connection counts for itself; '' when it could not be made */
  frame(form: StreamForm): string;
}

/** What subscribers may hear: our own stream of everything, and Diego's three. */
export interface Feeds {
  outcry: ToldEvent;
  groups: StreamEvent;
  instances: StreamEvent;
  tasks: StreamEvent;
}

export type Feed = keyof Feeds;

/** Called with what one commit told, in order; never with nothing. */
export type FeedListener<F extends Feed> = (events: readonly Feeds[F][]) => void;

export interface EventHub {
  /** what one commit told; never throws: whoever fails to hear of it costs nobody else theirs */
  publish(events: readonly BbsEvent[]): void;
  subscribe<F extends Feed>(feed: F, listener: FeedListener<F>): Cancel;
  readonly epoch: number;
  /** of the last event told; 0 before the first */
  sequence(): number;
  readonly window: EventWindow;
}

export interface EventHubOptions {
  bus: Bus;
  logger: Logger;
  epoch: number;
  /** what is kept for subscribers that come back */
  window: WindowLimits;
  /** actual LRPs as they are before the first event */
  actualLrps: RowTable;
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

const isTask = (event: BbsEvent): event is TaskEvent => event.kind.startsWith('task_');

const isLrp = (event: BbsEvent): event is LrpEvent => !isTask(event) && !event.kind.startsWith('cell_');

/** Tells every subscriber, and the bus, of every change in the order of commits. */
export const createEventHub = (options: EventHubOptions): EventHub => {
  const { bus, logger, epoch } = options;
  const listeners: { readonly [F in Feed]: Set<FeedListener<F>> } = {
    outcry: new Set(),
    groups: new Set(),
    instances: new Set(),
    tasks: new Set(),
  };
  const window = createEventWindow(options.window);
  const groups = createGroupView(options.actualLrps);
  let sequence = 0;

  /** made when first asked for; what cannot be made is told once, and nobody hears of it */
  const frameOf = (kind: string, make: () => string): (() => string) => {
    let made: string | undefined;
    const tryMake = (): string => {
      try {
        return make();
      } catch (error) {
        logger.error('events.failed', { kind, error });
        return '';
      }
    };
    return () => (made ??= tryMake());
  };

  const tell = <F extends Feed>(feed: F, events: readonly Feeds[F][]): void => {
    if (events.length === 0) return;
    for (const listener of listeners[feed]) {
      unattended({ logger, event: 'events.failed', fields: { feed } }, () => listener(events));
    }
  };

  const streamEvent = (event: DiegoEvent): StreamEvent => {
    const current = frameOf(event.kind, () => diegoFrame(event, 'r1'));
    const first = differsByForm(event) ? frameOf(event.kind, () => diegoFrame(event, 'r0')) : current;
    return { cells: cellsOf(event), frame: (form) => (form === 'r0' ? first() : current()) };
  };

  const tellDiego = (feed: 'groups' | 'instances' | 'tasks', events: readonly DiegoEvent[]): void => {
    if (listeners[feed].size > 0) tell(feed, events.map(streamEvent));
  };

  const toBus = (event: BbsEvent, payload: Uint8Array): void => {
    const fits = payload.byteLength <= MAX_PAYLOAD_BYTES;
    if (!fits) logger.info('events.reduced', { kind: event.kind, bytes: payload.byteLength });
    bus.publish(bbsEventSubject(event.kind), fits ? payload : encode('BbsEvent', reduced(event)));
  };

  const told = (event: BbsEvent): ToldEvent => {
    sequence += 1;
    const own = sequence;
    return {
      sequence: own,
      event,
      frame: frameOf(event.kind, () => outcryFrame({ epoch, sequence: own }, event)),
    };
  };

  /** for those who were away, and for the bus */
  const keep = ({ sequence: own, event }: ToldEvent): void =>
    unattended({ logger, event: 'events.failed', fields: { kind: event.kind } }, () => {
      const payload = encode('BbsEvent', event);
      window.add(own, payload);
      toBus(event, payload);
    });

  return {
    publish(events) {
      const all = events.map(told);
      // before the listeners, some of which read the window
      all.forEach(keep);
      tell('outcry', all);
      const lrps = events.filter(isLrp);
      tellDiego('instances', lrps);
      tellDiego('groups', groups.fold(lrps));
      tellDiego('tasks', events.filter(isTask));
    },
    subscribe(feed, listener) {
      listeners[feed].add(listener);
      return () => void listeners[feed].delete(listener);
    },
    epoch,
    sequence: () => sequence,
    window,
  };
};
