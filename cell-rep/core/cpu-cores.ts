/**
 * Who has which cores of a cell: whole ones for one container alone, and one that parts of a core are given out of
 * (the model of Project Eru). All numbers are thousandths of a core.
 */

/** What one container has. */
export interface CpuCores {
  /** numbers of the cores that are its own */
  pinned: number[];
  /** the core that it has a part of, with others; absent when it asked for whole ones */
  fragment?: { core: number; milli: number };
}

export interface CpuAllocator {
  /** what would be given; undefined: it does not fit, since too few cores are wholly free, or none has that much left */
  find(milli: number): CpuCores | undefined;
  /** books it, whether it fits or not: a container that is found has it already */
  keep(guid: string, cores: CpuCores): void;
  release(guid: string): void;
}

const CORE = 1000;

const LIST = /^\d+(-\d+)?(,\d+(-\d+)?)*$/;
/** more than any machine has */
const MOST_CORES = 4096;

/** A list as the kernel has them, `0-3,8`; undefined when it is none. */
export const parseCores = (text: string): number[] | undefined => {
  if (!LIST.test(text)) return undefined;
  const cores = new Set<number>();
  for (const part of text.split(',')) {
    const [first = 0, last = first] = part.split('-').map(Number);
    if (first > last || last >= MOST_CORES) return undefined;
    for (let core = first; core <= last; core += 1) cores.add(core);
  }
  return [...cores].sort((a, b) => a - b);
};

/** The cores that a container may run on. */
export const coresOf = ({ pinned, fragment }: CpuCores): number[] =>
  [...pinned, ...(fragment === undefined ? [] : [fragment.core])].sort((a, b) => a - b);

interface Use {
  /** whose alone it is */
  owner?: string;
  /** given out of it in parts */
  milli: number;
}

const isFree = ({ owner, milli }: Use): boolean => owner === undefined && milli === 0;

/** The fullest that has so much left: what is whole stays whole. Of equals the first. */
const fragmentCore = (uses: readonly (readonly [number, Use])[], milli: number): number | undefined => {
  const open = uses.filter(([, use]) => use.owner === undefined && CORE - use.milli >= milli);
  const [best] = open.toSorted(([, a], [, b]) => b.milli - a.milli);
  return best?.[0];
};

const choose = (uses: ReadonlyMap<number, Use>, milli: number): CpuCores | undefined => {
  const whole = Math.floor(milli / CORE);
  const rest = milli % CORE;
  const pinned = [...uses].flatMap(([core, use]) => (isFree(use) ? [core] : [])).slice(0, whole);
  if (pinned.length < whole) return undefined;
  if (rest === 0) return { pinned };
  const others = [...uses].filter(([core]) => !pinned.includes(core));
  const core = fragmentCore(others, rest);
  return core === undefined ? undefined : { pinned, fragment: { core, milli: rest } };
};

/** `cores`: numbers of those that may be given out. */
export const createCpuAllocator = (cores: readonly number[]): CpuAllocator => {
  const uses = new Map<number, Use>(cores.map((core) => [core, { milli: 0 }]));
  const held = new Map<string, CpuCores>();

  const keep = (guid: string, { pinned, fragment }: CpuCores): void => {
    held.set(guid, { pinned, ...(fragment && { fragment }) });
    for (const core of pinned) {
      const use = uses.get(core);
      if (use !== undefined) use.owner = guid;
    }
    const use = fragment && uses.get(fragment.core);
    if (use !== undefined) use.milli += fragment?.milli ?? 0;
  };

  return {
    find: (milli) => choose(uses, milli),
    keep,
    release(guid) {
      const { pinned = [], fragment } = held.get(guid) ?? {};
      held.delete(guid);
      for (const core of pinned) {
        const use = uses.get(core);
        if (use?.owner === guid) delete use.owner;
      }
      const use = fragment && uses.get(fragment.core);
      if (use !== undefined) use.milli -= fragment?.milli ?? 0;
    },
  };
};
