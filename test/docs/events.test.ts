import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../../common/runtime/package-root.js';
import { BBS_ROUTES, methodOf } from '../../common/wire/routes.js';
import { STREAM_ROUTES } from '../../bbs/metrics-streams.js';
import { RESET } from '../../bbs/protocol/stream-position.js';
import { EVENT_MESSAGES } from '../support/golden-streams.js';

const page = readFileSync(join(packageRoot(), 'docs/reference/events.md'), 'utf8');
const cells = (line: string): string[] => line.split('|').map((cell) => cell.trim());
const rows = page.split('\n').filter((line) => line.startsWith('| `'));
const firstCells = rows.flatMap((row) => cells(row)[1]!.match(/[\w/.]+/g) ?? []);

t.test('docs - events.md lists every stream with its method, and every event', async (t) => {
  const streams = rows.filter((row) => row.includes('/v1/')).map((row) => cells(row).slice(1, 3).join(' '));
  const expected = STREAM_ROUTES.map((route) => `\`${BBS_ROUTES[route]}\` ${methodOf(route)}`);
  t.same(streams.sort(), expected.sort());
  const kinds = firstCells.filter((name) => !name.startsWith('/'));
  t.same(kinds.sort(), [...Object.keys(EVENT_MESSAGES), 'cell_appeared', 'cell_disappeared', RESET].sort());
});
