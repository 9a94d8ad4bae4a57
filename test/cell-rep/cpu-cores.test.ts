/** Who has which cores: what the books of a cell promise, whatever comes and goes. */
import fc from 'fast-check';
import t from 'tap';
import { coresOf, createCpuAllocator, parseCores } from '../../cell-rep/core/cpu-cores.js';
import type { CpuAllocator, CpuCores } from '../../cell-rep/core/cpu-cores.js';
import { fromTags, toTags } from '../../cell-rep/core/identity.js';
import { createLedger } from '../../cell-rep/core/ledger.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import { lrpWork, workFor } from '../support/lrps.js';

/** What is wrong with who has what; '' = nothing. */
const wrong = (held: ReadonlyMap<string, CpuCores>, asked: ReadonlyMap<string, number>): string => {
  const pinned = [...held.values()].flatMap((one) => one.pinned);
  if (new Set(pinned).size < pinned.length) return 'a core is pinned twice';
  const parts = new Map<number, number>();
  for (const [guid, { pinned: own, fragment }] of held) {
    if (own.length * 1000 + (fragment?.milli ?? 0) !== asked.get(guid))
      return `${guid} has not what it asked`;
    if (fragment) parts.set(fragment.core, (parts.get(fragment.core) ?? 0) + fragment.milli);
  }
  for (const [core, milli] of parts) {
    if (milli > 1000) return `${milli} of core ${core} are given away`;
    if (pinned.includes(core)) return `core ${core} is pinned, and in parts`;
  }
  return '';
};

interface Step {
  /** takes so much; 0 = gives back what the oldest has */
  milli: number;
}

const take = (allocator: CpuAllocator, guid: string, milli: number): CpuCores | undefined => {
  const found = allocator.find(milli);
  if (found) allocator.keep(guid, found);
  return found;
};

const play = (allocator: CpuAllocator, steps: readonly Step[]) => {
  const held = new Map<string, CpuCores>();
  const asked = new Map<string, number>();
  for (const [at, { milli }] of steps.entries()) {
    const guid = `guid-${at}`;
    if (milli === 0) {
      const [oldest = ''] = held.keys();
      allocator.release(oldest);
      held.delete(oldest);
      continue;
    }
    const cores = take(allocator, guid, milli);
    if (cores) held.set(guid, cores);
    asked.set(guid, milli);
    const problem = wrong(held, asked);
    if (problem !== '') return { held, problem };
  }
  return { held, problem: '' };
};

const coreCount = fc.integer({ min: 1, max: 12 });
const demand = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 999 }), fc.integer({ min: 1, max: 4000 }));
const steps = fc.array(fc.record({ milli: demand }), { maxLength: 60, size: 'max' });
const upTo = (count: number): number[] => Array.from({ length: count }, (_, core) => core);

t.test('cores - none is pinned twice, none given away in more parts than it has', async (t) => {
  fc.assert(
    fc.property(coreCount, steps, (count, all) => {
      t.equal(play(createCpuAllocator(upTo(count)), all).problem, '');
    }),
  );
});

t.test('cores - what is given back is there again', async (t) => {
  fc.assert(
    fc.property(coreCount, steps, (count, all) => {
      const allocator = createCpuAllocator(upTo(count));
      for (const guid of play(allocator, all).held.keys()) allocator.release(guid);
      t.same(take(allocator, 'all', count * 1000), { pinned: upTo(count) });
    }),
  );
});

t.test('cores - who takes over what is there gives out the same as who went on', async (t) => {
  fc.assert(
    fc.property(coreCount, steps, fc.array(fc.integer({ min: 1, max: 4000 })), (count, all, more) => {
      const before = createCpuAllocator(upTo(count));
      const { held } = play(before, all);
      const after = createCpuAllocator(upTo(count));
      for (const [guid, cores] of held) after.keep(guid, cores);
      for (const [at, milli] of more.entries()) {
        t.same(take(after, `more-${at}`, milli), take(before, `more-${at}`, milli));
      }
    }),
  );
});

t.test('cores - parts are put together, so that whole cores stay whole', async (t) => {
  const allocator = createCpuAllocator([0, 1, 2, 3]);
  t.same(take(allocator, 'small', 1), { pinned: [], fragment: { core: 0, milli: 1 } });
  t.same(take(allocator, 'half', 500), { pinned: [], fragment: { core: 0, milli: 500 } });
  t.same(take(allocator, 'wide', 2300), { pinned: [1, 2], fragment: { core: 0, milli: 300 } });
  t.same(coresOf({ pinned: [1, 2], fragment: { core: 0, milli: 300 } }), [0, 1, 2]);
  t.equal(take(allocator, 'much', 1200), undefined, 'one core is whole, and 199 of another');
  t.same(take(allocator, 'one', 1000), { pinned: [3] });
});

t.test('cores - lists as the kernel has them', async (t) => {
  t.same(parseCores('0-2,8,1'), [0, 1, 2, 8]);
  t.same(parseCores('5'), [5]);
  for (const bad of ['', 'a', '3-1', '0-', '-1', '0,,1', '0-9999999'])
    t.equal(parseCores(bad), undefined, bad);
});

let minted = 0;
const ledgerOf = (cores: number[]) =>
  createLedger({
    cellId: 'cell-1',
    incarnation: 'now',
    total: { memoryMb: 1024, diskMb: 1024, containers: 99, cpuMilli: cores.length * 1000 },
    cores,
    proxyMemoryMb: 0,
    mintGuid: () => `guid-${(minted += 1)}`,
  });

let asked = 0;
const ask = (ledger: ReturnType<typeof ledgerOf>, ...demands: number[]) =>
  ledger.admit(
    workFor('now', {
      lrps: demands.map((cpuMilli, index) =>
        lrpWork({ cpuMilli, index, placementId: `${(asked += 1)}`, memoryMb: 1, diskMb: 1 }),
      ),
    }),
    { now: 0, receivedAt: 0, closed: '' },
  );

t.test('ledger - cores are given with the place, and a restarted rep knows whose they are', async (t) => {
  const ledger = ledgerOf([4, 5]);
  const { reserved } = ask(ledger, 1000, 600, 0);
  t.match(reserved, [{ cpus: { pinned: [4] } }, { cpus: { fragment: { core: 5, milli: 600 } } }, {}]);
  t.equal(reserved[2]?.cpus, undefined, 'who asks for none is given none');
  const again = ledgerOf([4, 5]);
  for (const identity of reserved) {
    const found = fromTags(identity.guid, toTags(identity));
    t.same(found, identity);
    if (found) again.restore(found, 'running');
  }
  for (const one of [ledger, again]) {
    t.match(ask(one, 401).outcomes, [{ status: 'refused', reason: 'insufficient resources: cpu' }]);
    t.match(ask(one, 400).reserved, [{ cpus: { pinned: [], fragment: { core: 5, milli: 400 } } }]);
    one.release(reserved[0]?.guid ?? '');
    t.match(ask(one, 1000).reserved, [{ cpus: { pinned: [4] } }]);
  }
});

t.test('ledger - enough in all, but on no core together, is refused', async (t) => {
  const ledger = ledgerOf([0, 1]);
  ask(ledger, 600, 600);
  t.equal(ledger.available().cpuMilli, 800);
  t.match(ask(ledger, 800).outcomes, [{ status: 'refused', reason: 'insufficient resources: cpu' }]);
});

t.test('configuration - cores that work is pinned to', async (t) => {
  const parse = (over: object) =>
    cellRepConfig.parse({ cell_id: 'cell-1', runtime: 'docker', ...over }, 'test');
  const total = (over: object) => {
    const parsed = parse(over);
    return parsed.ok ? parsed.value.total.cpuMilli : parsed.error;
  };
  t.equal(total({}), 0, 'not counted');
  t.equal(total({ docker: { cpu_cores: '0-1,4' } }), 3000);
  t.equal(total({ docker: { cpu_cores: '0-1,4' }, cpu_milli: 2500 }), 2500);
  t.match(total({ docker: { cpu_cores: '0-1' }, cpu_milli: 2001 }), [{ field: 'cpu_milli' }]);
  t.match(total({ docker: { cpu_cores: 'all' } }), [{ field: 'docker.cpu_cores', problem: /0-3,8/ }]);
  t.match(total({ docker: { cpu_cores: '0' }, runtime: 'process' }), [{ field: 'docker.cpu_cores' }]);
});
