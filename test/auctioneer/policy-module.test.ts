import { join } from 'node:path';
import t from 'tap';
import { auctioneerConfig } from '../../auctioneer/config.js';
import { lrpAuctions } from '../../auctioneer/core/auction.js';
import { decide } from '../../auctioneer/core/decide.js';
import { weightsOf } from '../../auctioneer/core/policy.js';
import { main } from '../../auctioneer/main.js';
import { loadScorer } from '../../auctioneer/policy-module.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import type { Ground } from '../../common/runtime/component-process.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import { must } from '../support/bbs.js';
import { aCellState, anLrpWork } from '../support/cell-states.js';

const never = (reason: string): void => {
  throw new Error(`not expected: ${reason}`);
};

const reasonOf = async (loading: Promise<unknown>): Promise<string> =>
  loading.then(
    () => 'it was loaded',
    (error: Error) => error.message,
  );

t.test('policy module - one that cannot be used says why', async (t) => {
  const dir = t.testdir({
    'empty.mjs': '',
    'value.mjs': 'export const score = 7;',
    'broken.mjs': 'export const score = (cell) => {\n  return cell..;\n};',
    'throws.mjs': "throw new Error('no licence');",
    'imports.mjs': "import './missing.mjs'; export const score = () => 0;",
  });
  const wrong: [string, RegExp][] = [
    ['none.mjs', /none\.mjs cannot be used: there is no such file$/],
    ['empty.mjs', /it exports no function named score$/],
    ['value.mjs', /it exports no function named score$/],
    ['broken.mjs', /it does not parse: Unexpected token '\.' \('node --check' tells where\)$/],
    ['throws.mjs', /no licence$/],
    ['imports.mjs', /missing\.mjs/],
  ];
  for (const [file, reason] of wrong) {
    t.match(await reasonOf(loadScorer(join(dir, file), never)), reason);
    await t.rejects(loadScorer(join(dir, file), never), { code: 'POLICY_MODULE_INVALID' });
  }
});

t.test(
  'policy module - a cell for which it throws or has no number is out, and the first error is told',
  async (t) => {
    const dir = t.testdir({
      'partial.mjs': `export const score = (cell) => {
      if (cell.cellId === 'cell-1') throw new Error('bad luck');
      return cell.cellId === 'cell-2' ? NaN : 1;
    };`,
      'none.mjs': 'export const score = async () => 1;',
    });
    const cells = ['cell-1', 'cell-2', 'cell-3'].map((cellId, cellIndex) =>
      aCellState({ cellId, cellIndex }),
    );
    const { index, placementId, ...start } = anLrpWork();
    const auctions = lrpAuctions({ ...start, instances: [{ index, placementId }] });
    const { policy } = must(auctioneerConfig.parse({}, 'test'));
    const heard: string[] = [];
    const partial = await loadScorer(join(dir, 'partial.mjs'), (reason) => heard.push(reason));
    for (let times = 0; times < 2; times += 1)
      t.match(decide({ cells, auctions, policy, scorer: partial }).placements, [{ cellId: 'cell-3' }]);
    t.same(heard, ['bad luck']);
    const none = await loadScorer(join(dir, 'none.mjs'), never);
    t.match(decide({ cells, auctions, policy, scorer: none }), {
      placements: [],
      failures: [{ reason: 'the policy gave no cell a score' }],
    });
  },
);

t.test('policy module - the example keeps cells with optional tags free', async (t) => {
  const scorer = await loadScorer(join(packageRoot(), 'examples/policies/keep-tags-free.mjs'), never);
  const full = { memoryMb: 100, diskMb: 4096, containers: 1 };
  const cells = [
    aCellState({ cellId: 'gpu', optionalPlacementTags: ['gpu'] }),
    aCellState({ cellId: 'plain', cellIndex: 1, available: full }),
  ];
  const { policy } = must(auctioneerConfig.parse({}, 'test'));
  const placed = (placementTags: string[], processGuid: string) => {
    const { index, placementId, ...start } = anLrpWork({ placementTags, processGuid });
    const auctions = lrpAuctions({ ...start, instances: [{ index, placementId }] });
    return decide({ cells, auctions, policy, scorer }).placements[0]?.cellId;
  };
  t.equal(placed([], 'web'), 'plain');
  t.equal(placed(['gpu'], 'train'), 'gpu');
});

t.test(
  'auctioneer configuration - the policy: a strategy or a module, and weights only where they are given',
  async (t) => {
    const bare = must(auctioneerConfig.parse({}, 'test'));
    t.same(bare.policy, { strategy: 'diego', startingContainerMaximum: 0, compat: 'outcry' });
    t.equal(bare.policyModule, undefined);
    t.equal(weightsOf(bare.policy, 'lrp').starting, 0.25);
    const binpack = must(auctioneerConfig.parse({ policy: { strategy: 'binpack' } }, 'test'));
    t.match(weightsOf(binpack.policy, 'lrp'), { starting: 0, index: 1 });
    const weighed = must(
      auctioneerConfig.parse({ policy: { strategy: 'binpack' }, bin_pack_first_fit_weight: 0.5 }, 'test'),
    );
    t.equal(weightsOf(weighed.policy, 'lrp').index, 0.5);
    const own = must(
      auctioneerConfig.parse({ policy: { module: 'mine.mjs' } }, 'test', { baseDir: '/etc/outcry' }),
    );
    t.equal(own.policyModule, '/etc/outcry/mine.mjs');
    const both = auctioneerConfig.parse({ policy: { strategy: 'spread', module: 'mine.mjs' } }, 'test');
    t.match(both, {
      ok: false,
      error: [{ field: 'policy', problem: 'names a strategy or a module, not both' }],
    });
  },
);

t.test('auctioneer - does not start with a policy module that cannot be used', async (t) => {
  const dir = t.testdir({ 'empty.mjs': '' });
  const config = must(
    main.config.parse(
      {
        component: 'auctioneer',
        nats: 'auctioneer.json',
        bbs: { socket: '/tmp/bbs.sock' },
        policy: { module: 'empty.mjs' },
      },
      'test',
      { baseDir: dir },
    ),
  );
  // it fails before it makes anything of these
  const ground = { logger: silentLogger } as Ground;
  await t.rejects(async () => main.assemble(config, ground), { code: 'POLICY_MODULE_INVALID' });
});
