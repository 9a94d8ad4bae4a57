/** What operations make of an agent's resources: dynamic reservations and persistent volumes. */
import { add, allocatedTo, readResources, subtract, writeResources } from '../../core/resources.js';
import type { Resources } from '../../core/resources.js';
import type { OfferOperation, Resource } from '../../protocol/messages.js';

/** what the agent keeps belongs to no framework */
const kept = (resources: readonly Resource[]): Resources =>
  allocatedTo(readResources(resources).resources, '');

/** What of `from` is left without `what`; what is not there at all is not missed. */
const without = (from: Resources, what: Resources): Resources => subtract(from, what) ?? from;

const withoutVolume = ({ disk: _disk, shared: _shared, ...rest }: Resource): Resource => rest;

const moved = (
  all: Resources,
  { from, to }: { from: readonly Resource[]; to: readonly Resource[] },
): Resources => add(without(all, kept(from)), kept(to));

const apply = (all: Resources, operation: OfferOperation): Resources => {
  const created = operation.create?.volumes ?? [];
  const destroyed = operation.destroy?.volumes ?? [];
  switch (operation.type) {
    case 'RESERVE':
      return moved(all, { from: operation.reserve?.source ?? [], to: operation.reserve?.resources ?? [] });
    case 'UNRESERVE':
      return moved(all, { from: operation.unreserve?.resources ?? [], to: [] });
    case 'CREATE':
      return moved(all, { from: created.map(withoutVolume), to: created });
    case 'DESTROY':
      return moved(all, { from: destroyed, to: destroyed.map(withoutVolume) });
    default:
      return all;
  }
};

/** The resources that operations changed, after one more. */
export const applyOperation = (
  checkpointed: readonly Resource[],
  operation: OfferOperation,
): readonly Resource[] => writeResources(apply(kept(checkpointed), operation));
