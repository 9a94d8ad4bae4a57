import { readRecording } from '../../support/mesos-recordings.js';
import { replayMaster } from '../../support/mesos-master-replay.js';
import { ownAnswer, ownStream, recordedAnswer, recordedStream } from '../../support/mesos-master-compare.js';
const step = Number(process.env.STEP ?? 50),
  lo = Number(process.env.LO ?? 0),
  hi = Number(process.env.HI ?? 1000),
  seeds = (process.env.SEEDS ?? '1').split(',').map(Number);
const absent = (process.env.ABSENT ?? '').split(',');
for (const name of process.argv.slice(2))
  for (const seed of seeds) {
    const r = readRecording(name);
    const found: string[] = [];
    let best = 1e9;
    for (let phase = lo; phase < hi; phase += step) {
      const done = await replayMaster(r, {
        phase,
        seed,
        absent,
        credentials: [
          { principal: 'alice', secret: 'pw' },
          { principal: 'bob', secret: 'pw2' },
        ],
      }).catch((e) => {
        console.log(name, e);
        process.exit(1);
      });
      let bad = 0,
        off = 0;
      for (const one of done.exchanges) {
        if (JSON.stringify(recordedAnswer(one.exchange)) !== JSON.stringify(ownAnswer(one, done))) bad++;
        if (!one.exchange.response?.stream) continue;
        const s = recordedStream(one.exchange);
        const o = ownStream(one, done);
        if (s.ended !== o.ended) bad++;
        const n = Math.max(s.events.length, o.events.length);
        for (let i = 0; i < n; i++) if (JSON.stringify(s.events[i]) !== JSON.stringify(o.events[i])) bad++;
        if (JSON.stringify(s.offers.toSorted()) !== JSON.stringify(o.offers.toSorted())) off++;
      }
      best = Math.min(best, bad);
      found.push(`${phase}:${bad}/${off}`);
      await done.close();
    }
    console.log(r.name, 'seed', seed, 'best', best, found.join(' '));
  }
process.exit(0);
