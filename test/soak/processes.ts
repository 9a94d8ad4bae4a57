/**
 * Separate processes over three NATS servers and Docker, at the promised length: NATS away for 60 s, the machine
 * asleep for 60 s, Diego's presence TTL. Nothing in it is left to chance but ports and ids, so there is no seed.
 */
import { openStory } from '../support/processes-story.js';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const story = await openStory({
  outageMs: 60_000,
  presenceTtlMs: 15_000,
  tasks: 20,
  slackMs: 2_000,
  runtime: 'docker',
});
const began = performance.now();
let failed = 0;
try {
  for (const { name, run } of story.steps) {
    const from = performance.now();
    const counts = await run();
    const defects = story.system.defects();
    failed += defects.length;
    say(`ok  ${name}  ${((performance.now() - from) / 1000).toFixed(1)} s  ${JSON.stringify(counts)}`);
    for (const defect of defects) say(`    defect: ${defect}`);
  }
} catch (error) {
  failed += 1;
  say(`FAIL ${(error as Error).stack}`);
} finally {
  await story.close();
}
say(`seed none, ${((performance.now() - began) / 1000).toFixed(0)} s, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
