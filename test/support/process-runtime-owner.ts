/** A whole process that owns a process runtime, to be killed: `node process-runtime-owner.js ROOT`. Prints its container's guid. */
import { mustCreate, mustRun } from '../contract/container-runtime.js';
import { openRuntime, shell } from './process-runtime.js';

const runtime = openRuntime(process.argv[2] ?? '');
await runtime.start();
const container = await mustCreate(runtime);
await mustRun(
  container,
  shell('echo "pid $$"; n=0; while :; do n=$((n+1)); echo "line $n"; sleep 0.05; done'),
);
process.stdout.write(container.guid + '\n');
setInterval(() => undefined, 60_000);
