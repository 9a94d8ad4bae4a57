import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { BbsEvent } from '../../common/model/events.js';
import { OutcryError } from '../../common/model/errors.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { refusalText } from '../../common/runtime/door-refusal.js';
import { BBS_ROUTES, methodOf } from '../../common/wire/routes.js';
import type { BbsConfig } from '../config.js';
import type { EventHub, StreamEvent } from '../controllers/event-hub.js';
import type { StreamMetrics, StreamRoute } from '../metrics-streams.js';
import { domainOf } from '../protocol/events.js';
import type { StreamForm } from '../protocol/events.js';
import { wantedCell } from './event-body.js';
import { openSink } from './event-sink.js';
import type { CutOffReason, EventSink } from './event-sink.js';
import { openOutcryStream } from './outcry-stream.js';

export interface EventStreamsOptions {
  config: BbsConfig;
  clock: Clock;
  logger: Logger;
  /** false when this BBS may not answer any more */
  serves(): boolean;
  hub(): EventHub;
  metrics: StreamMetrics;
}

export interface EventStreams {
  register(app: FastifyInstance): void;
  /** ends every stream: whoever listens is to ask again, here or elsewhere */
  dismiss(): void;
}

type DiegoRoute = Exclude<StreamRoute, 'OutcryEventStream'>;

/** Diego's streams: what each carries, and in which form. */
const DIEGO: Readonly<Record<DiegoRoute, { feed: 'groups' | 'instances' | 'tasks'; form: StreamForm }>> = {
  EventStream: { feed: 'groups', form: 'r1' },
  EventStream_r0: { feed: 'groups', form: 'r0' },
  LRPInstanceEventStream: { feed: 'instances', form: 'r1' },
  LRPInstanceEventStream_r0: { feed: 'instances', form: 'r0' },
  TaskEventStream: { feed: 'tasks', form: 'r1' },
  TaskEventStream_r0: { feed: 'tasks', form: 'r0' },
};

const isFor = ({ cells }: StreamEvent, cellId: string): boolean =>
  cellId === '' || cells === undefined || cells.includes(cellId);

/** What is of no domain is everybody's. */
const wantsOf =
  (domain: string | undefined) =>
  (event: BbsEvent): boolean =>
    domain === undefined || (domainOf(event) ?? domain) === domain;

/** The streams that are open, as many as there may be. */
const createOpenStreams = ({ config, clock, logger, serves, metrics }: EventStreamsOptions) => {
  const open = new Set<EventSink>();
  const limits = { events: config.eventBuffer, bytes: config.eventBufferBytes };

  const onCutOff = (route: StreamRoute, sink: EventSink, reason: CutOffReason): void => {
    const { events, bytes } = sink.waiting();
    const { code, message, remedy } = new OutcryError('EVENT_SUBSCRIBER_TOO_SLOW', { route, events, bytes });
    logger.warn('events.subscriber-cut-off', { code, message, remedy, route, reason, events, bytes });
    metrics.cutOff(route, reason);
  };

  return {
    /** undefined when one more may open */
    refusal(reply: FastifyReply): FastifyReply | undefined {
      if (!serves()) return reply.code(503).send();
      if (open.size < config.eventSubscribers) return undefined;
      metrics.refused();
      const error = new OutcryError('EVENT_SUBSCRIBERS_FULL', { limit: config.eventSubscribers });
      logger.warn('events.subscriber-refused', { code: error.code, message: error.message });
      return reply
        .code(error.status)
        .header('retry-after', '1')
        .type('application/json')
        .send(refusalText(error));
    },

    /** The stream's head goes out, and `follow` is called; what it returns, when the subscriber has left. */
    start(route: StreamRoute, reply: FastifyReply, follow: (sink: EventSink) => Cancel): FastifyReply {
      const response = reply.hijack().raw;
      // one that has left meanwhile would never leave again
      if (response.destroyed) return reply;
      const sink: EventSink = openSink({
        response,
        clock,
        limits,
        numbered: route !== 'OutcryEventStream',
        onCutOff: (reason) => onCutOff(route, sink, reason),
      });
      open.add(sink);
      const cancels = [metrics.opened(route, sink.waiting), follow(sink)];
      response.on('close', () => {
        open.delete(sink);
        for (const cancel of cancels) cancel();
      });
      return reply;
    },

    dismiss(): void {
      for (const sink of open) sink.end();
    },
  };
};

/** Streams of events: Diego's six, and our own of everything. */
export const createEventStreams = (options: EventStreamsOptions): EventStreams => {
  const { config, clock, logger, hub, metrics } = options;
  const { refusal, start, dismiss } = createOpenStreams(options);

  const followDiego = (route: DiegoRoute, cellId: string) => (sink: EventSink) => {
    const { feed, form } = DIEGO[route];
    return hub().subscribe(feed, (events) =>
      sink.push(events.filter((event) => isFor(event, cellId)).map((event) => event.frame(form))),
    );
  };

  const followOutcry = (lastEventId: string | undefined, domain: string | undefined) => (sink: EventSink) => {
    const { onResumed, onReset } = metrics;
    const wants = wantsOf(domain);
    const tell = openOutcryStream({ hub: hub(), sink, lastEventId, wants, onResumed, onReset });
    const cancels = [
      hub().subscribe('outcry', tell),
      clock.every(config.eventHeartbeatMs, () => sink.comment()),
    ];
    return () => cancels.forEach((cancel) => cancel());
  };

  const answerDiego = (route: DiegoRoute) => async (request: FastifyRequest, reply: FastifyReply) => {
    // a task is on no cell's stream: what is asked for is not read, as in Diego
    const cellId = DIEGO[route].feed === 'tasks' ? '' : await wantedCell(request.raw);
    if (cellId === undefined) {
      logger.info('events.request-unreadable', { route });
      return reply.code(500).send();
    }
    return refusal(reply) ?? start(route, reply, followDiego(route, cellId));
  };

  const answerOutcry = async (request: FastifyRequest, reply: FastifyReply) => {
    const last = request.headers['last-event-id'];
    const lastEventId = typeof last === 'string' ? last : undefined;
    const { domain } = request.query as Record<string, unknown>;
    const wanted = typeof domain === 'string' ? domain : undefined;
    return refusal(reply) ?? start('OutcryEventStream', reply, followOutcry(lastEventId, wanted));
  };

  const addRoutes = (scope: FastifyInstance): void => {
    // bodies are left to the streams, which read them of a GET as well
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _body, done) => done(null));
    for (const route of Object.keys(DIEGO) as DiegoRoute[]) {
      scope.route({ method: methodOf(route), url: BBS_ROUTES[route], handler: answerDiego(route) });
    }
    scope.get(BBS_ROUTES.OutcryEventStream, answerOutcry);
  };

  return {
    register: (app) =>
      void app.register((scope, _options, done) => {
        addRoutes(scope);
        done();
      }),
    dismiss,
  };
};
