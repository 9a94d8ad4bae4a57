/**
 * Loaded into a process with `--import`, says how long it went without turning to anybody: how long a request may have
 * had to wait. SIGUSR2 has it print what it has seen since the last time, or since the start. It looks once per turn of
 * the event loop, which costs a core, so that it is for measurements that time nothing else.
 */
const LEAST_MS = 3;

/** when it ended, ms since the epoch, and how long it was */
let stretches: [endedAt: number, ms: number][] = [];
let last = performance.now();
let ended = false;

const look = (): void => {
  const now = performance.now();
  if (now - last >= LEAST_MS) stretches.push([Date.now(), Math.round((now - last) * 10) / 10]);
  last = now;
  if (!ended) setImmediate(look);
};
look();

process.on('SIGUSR2', () => {
  process.stderr.write(`${JSON.stringify({ stretches })}\n`);
  stretches = [];
});
// a process that is looking does not end by itself
process.on('SIGTERM', () => (ended = true));
