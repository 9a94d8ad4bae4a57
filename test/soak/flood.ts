/**
 * Output as fast as applications can write it: `npm run soak:flood`. Prints for each kind of flood how fast the
 * application could write, how long the cell's process was busy with one thing at most (whoever reads the log runs in
 * it too), by how much it grew, and what came through.
 */
import { flood } from '../support/flood.js';

const KINDS = [
  { apps: 1, megabytes: 500, line: 'x'.repeat(99), bytesPerSecond: -1 },
  { apps: 4, megabytes: 200, line: 'x'.repeat(99), bytesPerSecond: -1 },
  { apps: 1, megabytes: 500, line: 'x'.repeat(60_000), bytesPerSecond: -1 },
  { apps: 1, megabytes: 100, line: 'y', bytesPerSecond: -1 },
  { apps: 4, megabytes: 200, line: 'x'.repeat(99), bytesPerSecond: 100_000 },
];

let failed = 0;
for (const kind of KINDS) {
  const { notices, failures, ...figures } = await flood(kind);
  const { apps, megabytes, line, bytesPerSecond } = kind;
  const limit = bytesPerSecond < 0 ? 'no limit' : `${bytesPerSecond} bytes/s`;
  console.log(`${apps} × ${megabytes} MB in lines of ${line.length + 1} bytes, ${limit}:`);
  console.log({ ...figures, ...notices });
  failed += failures.length;
}
process.exit(failed === 0 ? 0 : 1);
