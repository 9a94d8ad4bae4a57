import type { LrpStart, TaskStart } from '../../common/model/auction.js';
import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import type { BusMessage } from '../../common/ports/bus.js';
import { decode, encode } from '../../common/wire/codec.js';
import { must } from './bbs.js';
import { bytesOf } from './golden-bbs.js';
import type { Exchange } from './golden-bbs.js';

/**
 * What the BBS did besides answering, recorded or ours, in one form: `what` names it, `says` is its content.
 * Diego sends JSON over HTTP, ours are messages on the bus.
 */
export interface SideEffect {
  what: string;
  says: Record<string, unknown>;
  traceId: string;
}

type Json = Record<string, unknown>;

const listOf = (value: unknown): unknown[] => (value ?? []) as unknown[];

const placement = (json: Json) => ({
  placementTags: listOf(json['PlacementTags']),
  volumeDrivers: listOf(json['VolumeDrivers']),
  rootfs: json['RootFs'],
  memoryMb: json['MemoryMB'],
  diskMb: json['DiskMB'],
  maxPids: json['MaxPids'],
});

const ours = ({ placementTags, volumeDrivers, rootfs, memoryMb, diskMb, maxPids }: LrpStart | TaskStart) => ({
  placementTags,
  volumeDrivers,
  rootfs,
  memoryMb,
  diskMb,
  maxPids,
});

const ascending = (list: unknown[]): unknown[] => [...list].sort((a, b) => Number(a) - Number(b));

const traceOf = ({ request }: Exchange): string => request.headers['x-vcap-request-id'] ?? '';

const recordedAuctions = (exchange: Exchange): SideEffect[] => {
  const entries = JSON.parse(bytesOf(exchange.request.body).toString()) as Json[];
  return entries.map((json) => {
    const isLrp = exchange.path === '/v1/lrps';
    const says = isLrp
      ? { domain: json['domain'], indices: ascending(listOf(json['indices'])), ...placement(json) }
      : { domain: json['Domain'], ...placement(json) };
    const what = isLrp
      ? `auction of ${String(json['process_guid'])}`
      : `auction of ${String(json['TaskGuid'])}`;
    return { what, says, traceId: traceOf(exchange) };
  });
};

/** `null` in a recorded update leaves that part as it is; ours always says both parts. */
const recordedUpdate = (exchange: Exchange): SideEffect => {
  const json = JSON.parse(bytesOf(exchange.request.body).toString()) as Json;
  const { instance_guid, process_guid, index, domain, internal_routes, metric_tags } = json;
  const says = {
    instanceGuid: instance_guid,
    processGuid: process_guid,
    index,
    domain,
    internalRoutes: listOf(internal_routes),
    ...(metric_tags === null ? {} : { metricTags: metric_tags }),
  };
  return { what: 'update', says, traceId: traceOf(exchange) };
};

/** What Diego's BBS asked of an auctioneer or a rep; nothing of what the auctioneer itself asks of reps. */
export const recordedEffects = (exchange: Exchange): SideEffect[] => {
  const { link, method, path } = exchange;
  if (link === 'bbs->auctioneer') return recordedAuctions(exchange);
  if (link !== 'auctioneer+bbs->rep') return [];
  if (method === 'PUT') return [recordedUpdate(exchange)];
  const stop = /^\/v1\/lrps\/([^/]+)\/instances\/([^/]+)\/stop$/.exec(path);
  if (stop) {
    const says = { processGuid: stop[1], instanceGuid: stop[2] };
    return [{ what: 'stop', says, traceId: traceOf(exchange) }];
  }
  const cancel = /^\/v1\/tasks\/([^/]+)\/cancel$/.exec(path);
  return cancel ? [{ what: 'cancel', says: { taskGuid: cancel[1] }, traceId: traceOf(exchange) }] : [];
};

const auctionsIn = (message: BusMessage): SideEffect[] => {
  const { traceId, lrps, tasks } = must(decode('AuctionRequest', message.payload));
  return [
    ...lrps.map((start) => ({
      what: `auction of ${start.processGuid}`,
      says: {
        domain: start.domain,
        indices: ascending(start.instances.map(({ index }) => index)),
        ...ours(start),
      },
      traceId,
    })),
    ...tasks.map((start) => ({
      what: `auction of ${start.taskGuid}`,
      says: { domain: start.domain, ...ours(start) },
      traceId,
    })),
  ];
};

const toCell = ({ subject, payload }: BusMessage): SideEffect[] => {
  const verb = subject.split('.')[2] ?? '';
  if (verb === 'stop') {
    const { traceId, processGuid, instanceGuid } = must(decode('StopRequest', payload));
    return [{ what: verb, says: { processGuid, instanceGuid }, traceId }];
  }
  if (verb === 'cancel') {
    const { traceId, taskGuid } = must(decode('CancelRequest', payload));
    return [{ what: verb, says: { taskGuid }, traceId }];
  }
  if (verb !== 'update') return [];
  const { traceId, ...says } = must(decode('UpdateRequest', payload));
  return [{ what: verb, says, traceId }];
};

/** Takes everything that a BBS asks on the bus, and answers as those asked would. */
export const takeEffects = (bus: MemoryBus): SideEffect[] => {
  const taken: SideEffect[] = [];
  bus.subscribe('auction.*', (message) => {
    if (!message.expectsReply) return;
    taken.push(...auctionsIn(message));
    message.respond(encode('AuctionAck', { accepted: 1, dropped: [] }));
  });
  bus.subscribe('cell.>', (message) => {
    if (message.subject.endsWith('.presence')) return;
    taken.push(...toCell(message));
    message.respond(encode('Ack', { accepted: true, reason: '' }));
  });
  return taken;
};

const subset = (says: SideEffect['says'], of: SideEffect['says']): boolean =>
  Object.entries(says).every(([name, value]) => JSON.stringify(value) === JSON.stringify(of[name]));

/** An empty trace id is one that the original lost on the way. */
const isSame = (recorded: SideEffect, own: SideEffect): boolean =>
  recorded.what === own.what &&
  subset(recorded.says, own.says) &&
  (recorded.traceId === '' || recorded.traceId === own.traceId);

/** What is only in one of both; the order of requests to several receivers says nothing. */
export const effectDifferences = (recorded: readonly SideEffect[], own: readonly SideEffect[]): string[] => {
  const left = [...own];
  const missing = recorded.filter((one) => {
    const at = left.findIndex((other) => isSame(one, other));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return [
    ...missing.map((one) => `missing: ${JSON.stringify(one)}`),
    ...left.map((one) => `unrecorded: ${JSON.stringify(one)}`),
  ];
};
