/** Makes tar archives, well-formed or not. */
export interface TarEntry {
  name: string;
  type?: string;
  content?: string | Buffer;
  linkName?: string;
  mode?: number;
  /** what the header says instead of the truth */
  size?: number;
}

const BLOCK = 512;

const header = (entry: TarEntry, size: number): Buffer => {
  const block = Buffer.alloc(BLOCK);
  block.write(entry.name, 0, 100);
  block.write((entry.mode ?? 0o644).toString(8).padStart(7, '0'), 100);
  block.write('0000000', 108);
  block.write('0000000', 116);
  block.write(size.toString(8).padStart(11, '0'), 124);
  block.write('00000000000', 136);
  block.write(entry.type ?? '0', 156);
  block.write(entry.linkName ?? '', 157, 100);
  block.write('ustar\x0000', 257);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(sum.toString(8).padStart(6, '0') + '\0 ', 148);
  return block;
};

export const makeTar = (entries: readonly TarEntry[]): Buffer => {
  const blocks: Buffer[] = [];
  for (const entry of entries) {
    const content = Buffer.from(entry.content ?? '');
    blocks.push(header(entry, entry.size ?? content.length), content);
    blocks.push(Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK));
  }
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
};

/** a pax record: "LENGTH KEY=VALUE\n" */
export const paxRecord = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest) + 1;
  while (String(length).length + Buffer.byteLength(rest) !== length) length += 1;
  return `${length}${rest}`;
};
