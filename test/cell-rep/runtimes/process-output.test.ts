/** Reading what a supervisor wrote: in small portions, however many lines came at once. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createFollower, LINES_AT_ONCE } from '../../../cell-rep/runtimes/process/output.js';

/** Output as the supervisor keeps it: a file's head, and a record for each piece. */
const outputFile = (pieces: readonly string[]): Buffer => {
  const head = Buffer.alloc(16);
  head.write('OUTC');
  const records = pieces.map((piece) => {
    const header = Buffer.alloc(16);
    header.writeUInt8(1, 0);
    header.writeUInt32BE(piece.length, 4);
    header.writeUInt32BE(1_700_000_000, 8);
    return Buffer.concat([header, Buffer.from(piece)]);
  });
  return Buffer.concat([head, ...records]);
};

const linesIn = (text: string): number => text.split('\n').length - 1;

/** Reads on from a cursor to the end. */
const readAll = async (dir: string, from: string) => {
  const given: { text: string; cursor: string }[] = [];
  let inTurn = 0;
  let most = 0;
  let reading = true;
  const turn = (): void => {
    inTurn = 0;
    if (reading) setImmediate(turn);
  };
  turn();
  const follower = createFollower({
    dir,
    from,
    reader: {
      onChunk({ data }, cursor) {
        const text = Buffer.from(data).toString();
        given.push({ text, cursor });
        inTurn += Math.max(1, linesIn(text));
        most = Math.max(most, inTurn);
      },
    },
    onError: (error) => t.fail(String(error)),
  });
  await follower.wake();
  follower.stop();
  reading = false;
  return { given, most, text: given.map(({ text }) => text).join('') };
};

t.test(
  'process output - a flood of small lines is given out in portions, a turn of the loop each',
  async (t) => {
    const dir = t.testdir();
    const piece = 'y\n'.repeat(32_768);
    writeFileSync(
      join(dir, 'out.0'),
      outputFile([piece, 'partial', ' line\n', piece, ...Array(3_000).fill('z\n')]),
    );
    const whole = await readAll(dir, '');
    t.equal(linesIn(whole.text), 2 * 32_768 + 1 + 3_000);
    t.ok(whole.most <= LINES_AT_ONCE, `${whole.most} lines in one turn`);
    for (const at of [0, 1, 20, 33, 34, 35, whole.given.length - 1]) {
      const rest = await readAll(dir, whole.given[at]!.cursor);
      const before = whole.given.slice(0, at + 1).map(({ text }) => text);
      t.ok(before.join('') + rest.text === whole.text, `from the ${at}th cursor the rest is read`);
    }
  },
);
