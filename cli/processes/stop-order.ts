/** What stops one after the other, and what side by side. */

/** The last first; neighbours of one kind together. */
const inReverse = <T extends { readonly kind: string }>(all: readonly T[]): T[][] => {
  const groups: T[][] = [];
  for (const one of [...all].reverse()) {
    const last = groups.at(-1);
    if (last?.[0]?.kind === one.kind) last.push(one);
    else groups.push([one]);
  }
  return groups;
};

/** Stops all in reverse order; those of one kind, which do not need each other, side by side. */
export const stopInOrder = async <T extends { readonly kind: string }>(
  all: readonly T[],
  stop: (one: T) => Promise<void>,
): Promise<void> => {
  for (const group of inReverse(all)) await Promise.all(group.map(stop));
};
