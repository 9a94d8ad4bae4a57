/**
 * What a BBS carries on two cores: a process of its own on a real file, each commit on the disk before it is answered,
 * asked over HTTP by another process whose requests are made beforehand. Timed: from the first request to the last
 * answer. CPU is what the kernel counted for each process meanwhile, all threads; `main` is the one that runs
 * JavaScript. The first round of each case warms up and is not counted. No bus: nobody is asked to place anything.
 *
 * `npm run bench:bbs -- CASE…` runs only those; OUTCRY_BENCH_ROUNDS sets the number of rounds (5), OUTCRY_BENCH_ARGV
 * what Node.js is given for the BBS instead of what `outcry up` gives it.
 */
import { loadavg } from 'node:os';
import { nodeOptionsOf } from '../cli/processes/node-options.js';
import { CASES } from './bbs-cases.js';
import type { Figure } from './bbs-cases.js';
import { machine, printTable, round } from './harness.js';

const named = process.argv.slice(3);
const unknown = named.filter((name) => !(name in CASES));
if (unknown.length > 0)
  throw new Error(`no case ${unknown.join(', ')}; there are ${Object.keys(CASES).join(', ')}`);

const busy = (): number => round(loadavg()[0] ?? 0, 1);

const settings = {
  rounds: Number(process.env['OUTCRY_BENCH_ROUNDS'] ?? 5),
  execArgv: (process.env['OUTCRY_BENCH_ARGV'] ?? nodeOptionsOf('bbs').join(' '))
    .split(' ')
    .filter((word) => word !== ''),
};

const results: Figure[] = [];
const loadBefore = busy();
for (const name of named.length > 0 ? named : Object.keys(CASES)) {
  results.push(...((await CASES[name]?.(settings)) ?? []));
}
console.log(JSON.stringify({ bench: 'bbs', ...machine(), ...settings, load: [loadBefore, busy()], results }));
const shown = (value: number | undefined): string => value?.toLocaleString('en') ?? '';
printTable([
  ['what', 'figure', '', 'aim', 'failed', 'p50 ms', 'p99 ms', 'BBS µs', 'main µs', 'load µs', 'note'],
  ...results.map((one) => [
    one.name,
    shown(one.value),
    one.unit,
    one.aim,
    shown(one.failed),
    shown(one.p50),
    shown(one.p99),
    shown(one.bbsUs),
    shown(one.mainUs),
    shown(one.loadUs),
    one.note ?? '',
  ]),
]);
