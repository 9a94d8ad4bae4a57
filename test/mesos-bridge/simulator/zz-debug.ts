import { readRecording } from '../../support/mesos-recordings.js';
import { replayMaster } from '../../support/mesos-master-replay.js';
import { ownAnswer, ownStream, recordedAnswer, recordedStream } from '../../support/mesos-master-compare.js';
const name = process.argv[2] ?? '01';
const r = readRecording(name);
const phase = Number(process.argv[3] ?? 0);
const done = await replayMaster(r, {
  phase,
  seed: Number(process.env.SEED ?? 1),
  absent: (process.env.ABSENT ?? '').split(','),
  credentials: [
    { principal: 'alice', secret: 'pw' },
    { principal: 'bob', secret: 'pw2' },
  ],
});
let bad = 0;
for (const one of done.exchanges) {
  const a = recordedAnswer(one.exchange);
  const b = ownAnswer(one, done);
  if (JSON.stringify(a) !== JSON.stringify(b)) {
    bad++;
    console.log('ANSWER', JSON.stringify(a), '\n   OURS', JSON.stringify(b));
  }
  if (!one.exchange.response?.stream) continue;
  const s = recordedStream(one.exchange);
  const o = ownStream(one, done);
  if (s.ended !== o.ended) {
    bad++;
    console.log('ENDED', s.seq, s.ended, o.ended);
  }
  const n = Math.max(s.events.length, o.events.length);
  for (let i = 0; i < n; i++) {
    const [x, y] = [JSON.stringify(s.events[i]), JSON.stringify(o.events[i])];
    if (x !== y) {
      bad++;
      console.log('EVENT', s.seq, i, 'of', n, '\n   REC ', x?.slice(0, 700), '\n   OURS', y?.slice(0, 700));
      if (bad > 8) break;
    }
  }
  if (JSON.stringify(s.offers.toSorted()) !== JSON.stringify(o.offers.toSorted())) {
    console.log('OFFERS', s.seq, s.offers.length, o.offers.length);
    if (process.argv[4])
      console.log('   REC ', s.offers.join('\n        '), '\n   OURS', o.offers.join('\n        '));
  }
}
console.log(r.name, 'differences', bad);
await done.close();
process.exit(0);
