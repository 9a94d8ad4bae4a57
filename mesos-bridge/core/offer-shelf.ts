import type { Held } from './offer-history.js';

/** Offers by id and agent, in the order in which they came. */
export interface OfferShelf {
  put(held: Held): void;
  take(offerId: string): Held | undefined;
  on(agentId: string): readonly Held[];
  agents(): Iterable<string>;
  /** the oldest first */
  all(): Iterable<Held>;
  oldest(): Held | undefined;
  size(): number;
}

export const createOfferShelf = (onChange: (agentId: string) => void): OfferShelf => {
  const offers = new Map<string, Held>();
  const agents = new Map<string, Held[]>();
  return {
    put(held) {
      const { id, agentId } = held.offer;
      offers.set(id, held);
      agents.set(agentId, [...(agents.get(agentId) ?? []), held]);
      onChange(agentId);
    },
    take(offerId) {
      const held = offers.get(offerId);
      if (held === undefined) return undefined;
      offers.delete(offerId);
      const { agentId } = held.offer;
      const left = (agents.get(agentId) ?? []).filter((one) => one !== held);
      if (left.length === 0) agents.delete(agentId);
      else agents.set(agentId, left);
      onChange(agentId);
      return held;
    },
    on: (agentId) => agents.get(agentId) ?? [],
    agents: () => agents.keys(),
    all: () => offers.values(),
    oldest: () => offers.values().next().value,
    size: () => offers.size,
  };
};
