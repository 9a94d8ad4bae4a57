import t from 'tap';
import { createCellClocks } from '../../api/core/cell-clocks.js';
import type { LogBatch } from '../../common/model/logs.js';

const SECOND = 1_000_000_000n;
const NOW = 1_700_000_000n * SECOND;

/** A batch of a cell whose clock is `ahead`, sent `ago`; its lines were printed `ages` before that. */
const batch = (
  cellId: string,
  sent: { ahead?: bigint; ago?: bigint; at?: bigint },
  ...ages: bigint[]
): LogBatch => {
  const { ahead = 0n, ago = 0n, at = NOW } = sent;
  const sentAt = at - ago + ahead;
  return {
    sourceId: 'a',
    instanceId: '0',
    tags: {},
    sender: { cellId, sentAt: String(sentAt) },
    lines: ages.map((age) => ({
      timestamp: String(sentAt - age),
      sourceType: 'APP',
      stream: 'OUT',
      payload: '',
    })),
  };
};

const timesOf = ({ lines }: LogBatch): bigint[] => lines.map(({ timestamp }) => BigInt(timestamp) - NOW);

t.test("clocks - lines of cells whose clocks differ have the times of the reader's", (t) => {
  const clocks = createCellClocks();
  const seen = (cellId: string, ahead: bigint) =>
    timesOf(clocks.byOurs(batch(cellId, { ahead }, 2n * SECOND, 5n), NOW));
  t.same(seen('right', 0n), [-2n * SECOND, -5n]);
  t.same(seen('ahead', 60n * SECOND), [-2n * SECOND, -5n]);
  t.same(seen('behind', -60n * SECOND), [-2n * SECOND, -5n], 'each by its own');
  t.same(
    seen('a little', SECOND / 2n),
    [SECOND / 2n - 2n * SECOND, SECOND / 2n - 5n],
    'readers allow for that',
  );
  t.end();
});

t.test('clocks - old lines that were held back stay old', (t) => {
  const clocks = createCellClocks();
  t.same(timesOf(clocks.byOurs(batch('cell-1', { ahead: 60n * SECOND }, 300n * SECOND), NOW)), [
    -300n * SECOND,
  ]);
  t.end();
});

t.test('clocks - a line that is told again has the same time again', (t) => {
  const clocks = createCellClocks();
  const ahead = 60n * SECOND;
  const first = timesOf(clocks.byOurs(batch('cell-1', { ahead, ago: 3_000_000n }, 0n), NOW));
  const at = NOW + SECOND;
  const again = timesOf(
    clocks.byOurs(batch('cell-1', { ahead, ago: 9_000_000n, at }, SECOND - 6_000_000n), at),
  );
  t.same(again, first);
  t.end();
});

t.test('clocks - a message that was long under way does not count; a clock that was set does', (t) => {
  const clocks = createCellClocks();
  const shown = (sent: { ahead?: bigint; ago?: bigint }) =>
    timesOf(clocks.byOurs(batch('cell-1', sent, 0n), NOW))[0];
  t.equal(shown({}), 0n);
  t.equal(shown({ ago: 10n * SECOND }), -10n * SECOND, 'as late as it is');
  t.equal(shown({ ahead: 60n * SECOND }), 0n, 'set forward: at once, since no message is early');
  for (let message = 0; message < 8; message += 1) shown({ ahead: -60n * SECOND });
  t.equal(shown({ ahead: -60n * SECOND }), 0n, 'set back: when all say so');
  t.end();
});

t.test('clocks - no line comes from the future, whoever sends it', (t) => {
  const clocks = createCellClocks();
  const { sender: _, ...unsigned } = batch('old', { ahead: 60n * SECOND }, 3n, 0n);
  t.same(timesOf(clocks.byOurs(unsigned, NOW)), [0n, 0n]);
  const late = batch('cell-1', {}, -60n * SECOND);
  t.same(timesOf(clocks.byOurs(late, NOW)), [0n], 'printed before its clock was set back');
  t.end();
});
