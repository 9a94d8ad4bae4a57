/** Entries of a table: gorouter's number, prime as the permutations need it. */
const SIZE = 3001;

/** 64 bits as two unsigned halves: as a BigInt, hashing would cost a request more than its choice. */
interface Hash {
  high: number;
  low: number;
}

/** 2^32 modulo `divisor` joins the halves; all products stay below 2^53. */
const modulo = ({ high, low }: Hash, divisor: number): number =>
  ((high % divisor) * (0x1_0000_0000 % divisor) + low) % divisor;

/** FNV-1a, 64 bits. The prime is 2^40 + 0x1b3. */
const fnv1a = (text: string): Hash => {
  const bytes = new TextEncoder().encode(text);
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const byte of bytes) {
    low = (low ^ byte) >>> 0;
    const product = low * 0x1b3;
    const carry = Math.floor(product / 0x1_0000_0000);
    high = (Math.imul(high, 0x1b3) + carry + (low << 8)) >>> 0;
    low = product >>> 0;
  }
  return { high, low };
};

/** Where each member of a pool sits; most places stay the same when members come or go. */
export interface MaglevTable<T> {
  readonly places: readonly T[];
}

interface Permutation {
  readonly offset: number;
  readonly skip: number;
  next: number;
}

const permutationOf = (id: string): Permutation => {
  const hash = fnv1a(id);
  return { offset: modulo(hash, SIZE), skip: modulo(hash, SIZE - 1) + 1, next: 0 };
};

/** Fills the table with members in turn, each taking the next free place of its own permutation. */
export const createMaglevTable = <T>(members: readonly T[], idOf: (member: T) => string): MaglevTable<T> => {
  const sorted = members
    .map((member) => ({ member, id: idOf(member) }))
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const permutations = sorted.map(({ id }) => permutationOf(id));
  const places = Array.from<T | undefined>({ length: SIZE });
  for (let filled = 0; filled < SIZE && sorted.length > 0;) {
    for (const [index, permutation] of permutations.entries()) {
      if (filled === SIZE) break;
      let place = (permutation.offset + permutation.skip * permutation.next) % SIZE;
      while (places[place] !== undefined) {
        permutation.next += 1;
        place = (permutation.offset + permutation.skip * permutation.next) % SIZE;
      }
      places[place] = sorted[index]?.member;
      permutation.next += 1;
      filled += 1;
    }
  }
  return { places: places as T[] };
};

/** The place where the search for that value begins. */
export const placeOf = (value: string): number => modulo(fnv1a(value), SIZE);
