/**
 * What a router carries, with all of its features on. What it takes is its own CPU time, all threads, as the kernel
 * counted it, so that it can be told on a busy machine as well; times on the clock are those of router, application and
 * load sharing the machine. The table is measured by itself.
 *
 * `npm run bench:router -- CASE…` runs only those; OUTCRY_BENCH_ROUNDS sets the number of rounds (5), BENCH_REQUESTS the
 * requests of each (30,000), OUTCRY_BENCH_ARGV what Node.js is given for the router instead of what `outcry up` gives it.
 */
import { loadavg } from 'node:os';
import { nodeOptionsOf } from '../cli/processes/node-options.js';
import { machine, printTable, round } from './harness.js';
import { CASES } from './router-cases.js';
import type { Row } from './router-cases.js';

const named = process.argv.slice(3);
const unknown = named.filter((name) => !(name in CASES));
if (unknown.length > 0)
  throw new Error(`no case ${unknown.join(', ')}; there are ${Object.keys(CASES).join(', ')}`);

const busy = (): number => round(loadavg()[0] ?? 0, 1);

const settings = {
  rounds: Number(process.env['OUTCRY_BENCH_ROUNDS'] ?? 5),
  requests: Number(process.env['BENCH_REQUESTS'] ?? 30_000),
  execArgv: (process.env['OUTCRY_BENCH_ARGV'] ?? nodeOptionsOf('router').join(' '))
    .split(' ')
    .filter((word) => word !== ''),
};

const results: Row[] = [];
const loadBefore = busy();
for (const name of named.length > 0 ? named : Object.keys(CASES)) {
  const rows = (await CASES[name]?.(settings)) ?? [];
  for (const [what, figure] of rows) console.error(`${name}: ${what}: ${figure}`);
  results.push(...rows);
}
console.log(
  JSON.stringify({ bench: 'router', ...machine(), ...settings, load: [loadBefore, busy()], results }),
);
printTable([['what', 'figure', 'aimed at'], ...results]);
