/** What `toString('latin1')` comes to, which the types do not have. */
type Sliced = Buffer & { latin1Slice(from: number, to: number): string };

/** Longer ones are seldom met twice, and cost more to compare. */
const LONGEST = 80;
/** a power of two; about half a megabyte when all are full */
const PLACES = 4_096;

/**
 * Texts that were read lately. Most of those in a board's messages come again and again (domains, cells, zones, states,
 * names of tags, the guid of a process in each of its instances): found here, one costs half of what making it does, and
 * the rows of a large board share it. A place holds whatever came last, so that nothing grows however much is read.
 */
export const createShortTexts = () => {
  const texts = Array.from({ length: PLACES }, () => '');

  const isSame = (text: string, bytes: Uint8Array, from: number): boolean => {
    for (let at = 0; at < text.length; at += 1) {
      if (text.charCodeAt(at) !== bytes[from + at]) return false;
    }
    return true;
  };

  /** The text of `size` bytes, which must be there; undefined when it is long, or no plain ASCII. */
  return (bytes: Buffer, from: number, size: number): string | undefined => {
    if (size > LONGEST) return undefined;
    let hash = size;
    let all = 0;
    for (let at = from; at < from + size; at += 1) {
      const byte = bytes[at] as number;
      hash = (Math.imul(hash, 31) + byte) | 0;
      all |= byte;
    }
    if (all > 0x7f) return undefined;
    const place = (hash ^ (hash >>> 12)) & (PLACES - 1);
    const known = texts[place];
    if (known?.length === size && isSame(known, bytes, from)) return known;
    return (texts[place] = (bytes as Sliced).latin1Slice(from, from + size));
  };
};
