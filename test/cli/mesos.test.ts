import t from 'tap';
import type { MesosOffers } from '../../common/model/mesos-offers.js';
import { decode, encode } from '../../common/wire/codec.js';
import { startApi } from '../support/api.js';
import { createFakeCli } from '../support/cli-context.js';

const OFFERS: MesosOffers = {
  trouble: '',
  frameworkId: 'f-0',
  master: 'http://m:5050',
  suppressed: false,
  waiting: 3,
  waitedMs: 61_000,
  hunger: '3 pieces of work wait for a place on Mesos, the oldest for 61 s',
  held: 1,
  received: 9,
  used: 4,
  declined: 2,
  rescinded: 1,
  lost: 1,
  executors: 2,
  tasks: 7,
  rejections: [{ reason: 'memory', count: 5, latest: 'agent-3: only 16 MB' }],
  offers: [
    {
      offerId: '4bf01a4a-c6ab-4326-b2b5-9f282511c758-O7',
      agentId: '4bf01a4a-c6ab-4326-b2b5-9f282511c758-S1',
      hostname: 'agent-1',
      role: 'outcry',
      resources: 'cpus(allocated: outcry):4',
      outcome: 'used',
      reason: '',
      usedBy: ['web.0', 'web.1'],
      heldMs: 1_250,
    },
  ],
  moreOffers: 8,
};

t.test(
  'mesos offers - #43: what is held, used, declined and rescinded, for how long and for whom',
  async (t) => {
    const api = await startApi(t);
    const cli = createFakeCli({ api: { url: api.url(), token: api.api().token() } });
    t.teardown(() => cli.close());
    t.equal(await cli.run('mesos', 'offers'), 1);
    t.match(cli.err(), /MESOS_BRIDGE_UNAVAILABLE: no Mesos bridge answers: none is active on the bus/);
    const asked: number[] = [];
    api.bus.subscribe('mesos.offers', (message) => {
      const query = decode('MesosOffersQuery', message.payload);
      if (query.ok) asked.push(query.value.limit);
      message.respond(encode('MesosOffers', OFFERS));
    });
    t.equal(await cli.run('mesos', 'offers', '-n', '1'), 0, cli.err());
    t.same(asked, [1]);
    t.match(cli.out(), /subscribed at http:\/\/m:5050 as f-0\n/);
    t.match(
      cli.out(),
      /7 tasks on 2 executors; 3 instances and tasks wait for offers, the oldest for 1 min 1 s/,
    );
    t.match(
      cli.out(),
      /the oldest for 61 s\n9 offers since the start: 1 held, 4 used, 2 declined, 1 rescinded, 1 lost/,
    );
    t.match(cli.out(), /memory +5 +agent-3: only 16 MB/);
    t.match(
      cli.out(),
      /O7 +agent-1 \(S1\) +used +1\.3 s +outcry +cpus\(allocated: outcry\):4 +web\.0, web\.1/,
    );
    t.match(cli.out(), /and 8 more offers/);
    t.equal(await cli.run('mesos', 'offers', '--json'), 0);
    t.match(cli.out(), /"framework_id": "f-0"/);
    t.equal(await cli.run('mesos', 'offer'), 1);
    t.match(cli.err(), /no 'mesos offer' \(did you mean 'offers'\?\)/);
  },
);
