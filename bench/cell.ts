import { runTasks } from './cell-tasks.js';
import { withSystem } from './cell-system.js';

const kind = (process.argv[3] ?? 'process') as 'process' | 'simulated';
const prof = process.env['PROF'] ?? '';
await withSystem(
  {
    runtime: kind,
    containers: kind === 'process' ? 250 : 5000,
    execArgv: (name) =>
      prof.split(',').includes(name) ? ['--cpu-prof', '--cpu-prof-dir', `/tmp/cellprof/${name}`] : [],
  },
  async (bench) => {
    console.log('rep', bench.rep, 'helper', bench.helper);
    for (let round = 0; round < 3; round += 1) {
      const r = await runTasks(bench, {
        round,
        tasks: Number(process.env['N'] ?? 1500),
        onTheirWay: Number(process.env['W'] ?? 200),
      });
      console.log(
        Math.round((r.tasks / r.ms) * 1000),
        'tasks/s',
        r.failed,
        'failed',
        Math.round(r.p50),
        Math.round(r.p99),
        Object.entries(r.cpu)
          .map(([k, v]) => `${k} ${Math.round((v / r.tasks) * 1000)}`)
          .join(' '),
        'us/task',
      );
    }
  },
);
