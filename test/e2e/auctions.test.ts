import { join } from 'node:path';
import t, { type Test } from 'tap';
import { toJson } from '../../common/wire/codec.js';
import { eventually } from '../support/eventually.js';
import { desiredLrp } from '../support/lrps.js';
import { PROBE, dataDir, outcry, startOutcry } from '../support/one-process.js';

const ok = async (t: Test, dir: string, ...args: string[]): Promise<string> => {
  const { code, output } = await outcry(dir, 'auction', ...args);
  t.equal(code, 0, `outcry auction ${args.join(' ')}\n${output}`);
  return output;
};

const refused = async (t: Test, dir: string, args: string[], line: RegExp): Promise<void> => {
  const { code, output } = await outcry(dir, 'auction', ...args);
  t.equal(code, 1, output);
  t.match(output, line);
  t.equal(output.trim().split('\n').length, 1, `one line: ${output}`);
};

/** More than any cell has. */
const HUGE = toJson('DesiredLRP', {
  ...desiredLrp({ processGuid: 'huge', instances: 2, memoryMb: 900_000 }),
  metricTags: { source_id: { static: 'huge', dynamic: 'DynamicValueInvalid' } },
});

/** What waits, as `top` shows it; the board's own LRPs need no application. */
const showsTop = async (t: Test, dir: string): Promise<void> => {
  const file = join(t.testdir({ 'lrp.json': JSON.stringify(HUGE) }), 'lrp.json');
  const desired = await outcry(dir, 'lrp', 'desire', file);
  t.equal(desired.code, 0, desired.output);
  const text = await eventually(async () => {
    const { output } = await outcry(dir, 'top', '--once');
    return output.includes('insufficient resources') && output;
  });
  t.match(text, /^outcry top .* 3 instances, 0 tasks /);
  t.match(text, /\n3 cells\ncell +zone +MB free .*\ncell-1 +\S+ +\d+\/\d+ .* now\n/);
  t.match(text, /\nlatest batches\nbatch +at +cells +size +placed +failed +states +decide +commit\n/);
  t.match(
    text,
    /\n2 instances and 0 tasks wait for a place\nwaiting .*\nhuge +2 instances .* insufficient resources: memory\n/,
  );
  const { waiting } = JSON.parse((await outcry(dir, 'top', '--json')).output) as {
    waiting: { groups: { id: string }[] };
  };
  t.match(waiting.groups, [{ name: 'huge', count: 2 }]);
  t.match(await ok(t, dir, 'explain', waiting.groups[0]?.id ?? ''), /^huge\.\d: no place, /);
  t.match(await outcry(dir, 'lrp', 'delete', 'huge'), { code: 0 });
};

interface Listed {
  batches: { id: string; auctions: number; placed: number; failed: number }[];
}

t.test(
  'auctions - what was decided is listed, explained and replayed; what-if changes nothing',
  async (t) => {
    const dir = await dataDir(t);
    await startOutcry(t, dir);

    const pushed = await outcry(dir, 'push', PROBE, '-m', '900G');
    t.equal(pushed.code, 1, pushed.output);
    const why = await ok(t, dir, 'explain', 'probe');
    t.match(why, /^probe, \S+\.0: no place, in batch [0-9a-f]{8} of 20/);
    t.match(why, /\ninsufficient resources: memory \(cell-\d comes nearest: \d+ MB of memory short\)\n/);
    t.match(why, /\nall +3 +3 +0\n/);
    t.match(why, /it would have a place:\n {2}cell-\d fits if it asks \d+ MB less memory\n/);

    const placed = await ok(t, dir, 'explain', 'hello.1');
    t.match(placed, /^hello\.1, \S+\.1: placed on cell-\d, in batch/);
    t.match(placed, /\n {2}cell-\d +\S+ +\d+\.\d{4}\n/);

    const { batches } = JSON.parse(await ok(t, dir, 'list', '--json')) as Listed;
    const failed = batches.find((batch) => batch.failed === 1);
    t.ok(failed);
    t.match(
      await ok(t, dir, 'list'),
      /^batch +when +cells +auctions +placed +failed +states +decide +commit\n/,
    );
    for (const { id, auctions, placed: taken } of batches) {
      const replayed = await ok(t, dir, 'replay', id.slice(0, 8));
      t.match(
        replayed,
        new RegExp(`\nsame: ${taken} placements?, ${auctions - taken} failures?, sha256 [0-9a-f]{64}`),
      );
    }

    const before = await outcry(dir, 'cells');
    const drained = await ok(t, dir, 'what-if', '--drain', 'cell-1');
    t.match(drained, /^3 cells now, without cell-1:\n {2}1 of 1 instance there would have another place\n/);
    t.match(drained, /\ncell-[23] +\S+ +1 +\d+ MB +\d+ MB\n/);
    const none = await ok(t, dir, 'what-if', '--drain', 'cell-1', 'cell-2,cell-3');
    t.match(none, / {2}0 of 3 instances there would have another place\n/);
    t.match(none, /\n\S+ +3 +unable to communicate to compatible cells\n/);
    const added = await ok(t, dir, 'what-if', '--drain', 'cell-1,cell-2,cell-3', '--add-cells', '2:1G:4G:z9');
    t.match(added, /, with 2 new ones:\n {2}3 of 3 instances there/);
    t.match(added, /\nnew-1 +z9 +2 /);
    t.equal((await outcry(dir, 'cells')).output, before.output, 'the live cells are as they were');
    t.match((await outcry(dir, 'app', 'hello')).output, /3 of 3 running/);
    const after = JSON.parse(await ok(t, dir, 'list', '--json')) as Listed;
    t.equal(after.batches.length, batches.length, 'no batch was run for it');

    await showsTop(t, dir);

    await refused(t, dir, ['replay', 'nothing'], /^outcry: BATCH_UNKNOWN: no recorded batch 'nothing'; /);
    await refused(
      t,
      dir,
      ['explain', 'nobody'],
      /^outcry: AUCTION_UNKNOWN: no recorded batch has nobody: no application/,
    );
    await refused(
      t,
      dir,
      ['what-if', '--drain', 'cel-1'],
      /^outcry: CELL_UNKNOWN: no cell 'cel-1'; did you mean 'cell-1'\?; /,
    );
    await refused(
      t,
      dir,
      ['what-if', '--lose-zone', 'zz'],
      /^outcry: ZONE_UNKNOWN: no zone 'zz'; there are z/,
    );
  },
);

t.test('auctions - a push that waits is explained while it waits', async (t) => {
  const dir = await dataDir(t);
  const running = await startOutcry(t, dir);
  await eventually(async () => (await outcry(dir, 'auction', 'explain', 'hello')).code === 0);
  const desired = JSON.stringify({ command: 'true', memory_in_mb: 900_000 });
  const call = async (path: string, body?: string) => {
    const response = await fetch(new URL(path, running.endpoint.api), {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `bearer ${running.endpoint.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
    });
    return (await response.json()) as { guid: string; resources: { guid: string; name: string }[] };
  };
  const [app] = (await call('/v3/apps?names=hello')).resources;
  const { guid } = await call(`/v3/apps/${app?.guid}/tasks`, desired);
  const told = await eventually(async () => {
    const { code, output } = await outcry(dir, 'auction', 'explain', guid);
    return code === 0 && /no place/.test(output) && output;
  });
  t.match(told, /insufficient resources: memory/);
  const what = await ok(t, dir, 'what-if', '--add-cells', '1:1000G:1000G');
  t.match(what, /1 of 1 auction waiting now would have a place\n/);
  t.match(
    await ok(t, dir, 'what-if', '--add-cells', '1:1G:1G'),
    /0 of 1 auction waiting now[^]*waits now too/,
  );
});
