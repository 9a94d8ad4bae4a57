import type { AuctionRequest, LrpStart, TaskStart } from '../../common/model/auction.js';
import { MAX_PAYLOAD_BYTES } from '../../common/ports/bus.js';

/** Room is left for the envelope and for lengths that grow with the content. */
const BUDGET = Math.floor(MAX_PAYLOAD_BYTES * 0.8);
/** tags, lengths and integers of one message or list entry at most */
const OVERHEAD = 16;

const textBytes = (text: string): number => Buffer.byteLength(text) + OVERHEAD;

const listBytes = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + textBytes(text), 0);

const constraintBytes = ({ rootfs, domain, placementTags, volumeDrivers }: LrpStart | TaskStart): number =>
  8 * OVERHEAD + textBytes(rootfs) + textBytes(domain) + listBytes(placementTags) + listBytes(volumeDrivers);

const instanceBytes = ({ placementId }: LrpStart['instances'][number]): number =>
  Buffer.byteLength(placementId) + 2 * OVERHEAD;

/** One start, split so that no piece is larger than the budget; most need no splitting. */
const splitLrp = (start: LrpStart): { piece: LrpStart; bytes: number }[] => {
  const fixed = constraintBytes(start) + textBytes(start.processGuid);
  const whole = start.instances.reduce((sum, instance) => sum + instanceBytes(instance), fixed);
  if (whole <= BUDGET) return [{ piece: start, bytes: whole }];
  const pieces: { piece: LrpStart; bytes: number }[] = [];
  let instances: LrpStart['instances'] = [];
  let bytes = fixed;
  for (const instance of start.instances) {
    const more = instanceBytes(instance);
    if (bytes + more > BUDGET && instances.length > 0) {
      pieces.push({ piece: { ...start, instances }, bytes });
      instances = [];
      bytes = fixed;
    }
    instances.push(instance);
    bytes += more;
  }
  return [...pieces, { piece: { ...start, instances }, bytes }];
};

const pack = <T>(items: Iterable<{ piece: T; bytes: number }>): T[][] => {
  const packs: T[][] = [];
  let room = 0;
  for (const { piece, bytes } of items) {
    if (bytes > room) {
      packs.push([]);
      room = BUDGET;
    }
    packs[packs.length - 1]?.push(piece);
    room -= bytes;
  }
  return packs;
};

/** Requests none of which is larger than a message may be. */
export const lrpRequests = (traceId: string, starts: readonly LrpStart[]): AuctionRequest[] =>
  pack(starts.flatMap(splitLrp)).map((lrps) => ({ traceId, lrps, tasks: [] }));

export const taskRequests = (traceId: string, starts: readonly TaskStart[]): AuctionRequest[] => {
  const items = starts.map((piece) => ({
    piece,
    bytes: constraintBytes(piece) + textBytes(piece.taskGuid) + textBytes(piece.placementId),
  }));
  return pack(items).map((tasks) => ({ traceId, lrps: [], tasks }));
};
