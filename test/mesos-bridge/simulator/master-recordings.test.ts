/** The simulated master meets the schedulers and operators of a real one, and answers alike. */
import t from 'tap';
import { ownAnswer, ownStream, recordedAnswer, recordedStream } from '../../support/mesos-master-compare.js';
import type { ComparedStream } from '../../support/mesos-master-compare.js';
import { replayMaster } from '../../support/mesos-master-replay.js';
import type { ReplayOptions } from '../../support/mesos-master-replay.js';
import { readRecording } from '../../support/mesos-recordings.js';

interface Scenario extends ReplayOptions {
  readonly name: string;
  /** behaviours of mesos-v1.md §19 that are seen in it */
  readonly numbers: string;
  /** numbers of exchanges that may differ, and why */
  readonly answersExcepted?: Readonly<Record<number, string>>;
  /** why the order of events within a moment is chance */
  readonly anyOrder?: string;
  /** why offers may be rescinded that others hold in the recording */
  readonly rescindsExcepted?: string;
  /** why events may differ */
  readonly eventsExcepted?: string;
  /** streams whose offers may differ, and why; else every offer must hold the same resources */
  readonly offersExcepted?: string;
}

const OVERTAKEN = 'sent together with the TEARDOWN, which the real master read first';
const CHANCE = 'which of several frameworks or roles is offered an agent first is chance';
const TASKS_UNORDERED = 'a real master tells of several tasks in the order of its hash map';

const UNSEEN = 'what an agent or framework did that no scheduler was told of';

const SCENARIOS: readonly Scenario[] = [
  { name: '01', numbers: '11, 22, 37, 38, 40, 49, 54, 85', phase: 650 },
  { name: '02', numbers: '11, 86', phase: 300 },
  {
    name: '03',
    numbers: '41, 44, 50, 53, 68',
    phase: 460,
    answersExcepted: { 74: OVERTAKEN },
  },
  { name: '04', numbers: '41, 53, 60, 67, 78, 82, 84', phase: 600 },
  { name: '05', numbers: '61, 64', phase: 620 },
  { name: '06', numbers: '42, 45, 46, 48, 52, 55–58, 61–63, 65, 66', phase: 650 },
  { name: '07', numbers: '45, 46, 48, 52', phase: 380 },
  { name: '08', numbers: '71, 73, 86–88, 90, 91', phase: 200, answersExcepted: { 31: OVERTAKEN } },
  {
    name: '09',
    numbers: '79, 80',
    phase: 40,
    offersExcepted: 'the times of command executors, which only the agent knows',
  },
  { name: '10', numbers: '113', phase: 250 },
  { name: '11', numbers: '106', phase: 600, offersExcepted: CHANCE },
  {
    name: '12',
    numbers: '75, 96, 97, 99',
    phase: 700,
    anyOrder: TASKS_UNORDERED,
    script: [
      { at: 1_590, run: ({ agent }) => agent('agent1').crash() },
      { at: 9_126, run: ({ agent, master }) => agent('agent1').reregister(master.door) },
      { at: 20_150, run: ({ agent }) => agent('agent1').crash() },
      { at: 24_190, run: ({ agent, master }) => agent('agent1').reregister(master.door) },
      { at: 27_000, run: ({ agent }) => agent('agent1').crash() },
      { at: 30_015, run: ({ agent, master }) => agent('agent1').reregister(master.door) },
      { at: 33_550, run: ({ agent }) => agent('agent1').crash() },
      { at: 37_070, run: ({ agent, master }) => agent('agent1').reregister(master.door) },
    ],
    rescindsExcepted: CHANCE,
    offersExcepted: CHANCE,
  },
  { name: '13', numbers: '13, 14, 19, 23–25, 30, 31', phase: 400 },
  {
    name: '14',
    numbers: '16, 21, 26, 29',
    phase: 50,
    offersExcepted: 'streams that the client closed within milliseconds, before any offer',
  },
  {
    name: '15',
    numbers: '20, 27, 28, 31–33',
    phase: 835,
    absent: ['agent1', 'agent2'],
    script: [
      {
        at: 21_830,
        async run({ agent, master, known }) {
          agent('agent1').register(master.door);
          agent('agent2').register(master.door);
          await known('6b20fb0d-eead-42af-a53c-af4b40e72eec-S0', agent('agent1'));
          await known('6b20fb0d-eead-42af-a53c-af4b40e72eec-S1', agent('agent2'));
        },
      },
    ],
    offersExcepted: CHANCE,
  },
  {
    name: '16',
    numbers: '10, 34, 35, 89',
    phase: 540,
    anyOrder: TASKS_UNORDERED,
    answersExcepted: { 23: 'the moment in which a starting process answers 404' },
    script: [
      { at: 1_713, run: ({ master }) => master.kill() },
      {
        at: 2_320,
        async run({ master }) {
          await master.restart();
          master.recover();
        },
      },
      { at: 2_390, run: ({ master }) => master.lead() },
      { at: 4_610, run: ({ agent, master }) => agent('agent1').reregister(master.door) },
      { at: 8_690, run: ({ agent, master }) => agent('agent2').reregister(master.door) },
      { at: 13_480, run: ({ master }) => master.kill() },
      { at: 13_490, run: ({ master }) => master.restart() },
      {
        at: 16_600,
        run({ agent, master }) {
          agent('agent1').reregister(master.door);
          agent('agent2').reregister(master.door);
        },
      },
    ],
    offersExcepted: CHANCE,
  },
  {
    name: '17',
    numbers: 'agents that unregister',
    phase: 200,
    script: [{ at: 1_738, run: ({ agent }) => agent('agent2').send({ kind: 'unregister' }) }],
    offersExcepted: CHANCE,
  },
  {
    name: '18',
    numbers: '59, 92–95',
    answersExcepted: { 30: 'a real master leaves the executor out of the status that it keeps', 45: UNSEEN },
    phase: 650,
    anyOrder: TASKS_UNORDERED,
    script: [
      { at: 1_201, run: ({ agent }) => agent('agent2').stop() },
      {
        at: 14_160,
        run({ agent, master }) {
          agent('agent2').endUnseen('p2', 'TASK_FINISHED');
          agent('agent2').endUnseen('p3', 'TASK_FAILED');
          agent('agent2').reregister(master.door);
        },
      },
    ],
    offersExcepted: CHANCE,
  },
  {
    name: '19',
    numbers: '92, 93, 96, 100',
    phase: 100,
    script: [
      { at: 980, run: ({ agent }) => agent('agent2').crash() },
      { at: 7_620, run: ({ agent, master }) => agent('agent2').reregister(master.door) },
      { at: 11_700, run: ({ agent }) => agent('agent2').lose() },
      {
        at: 16_140,
        async run({ agent, master, known }) {
          agent('agent2').register(master.door);
          await known('ea429ce9-f908-4a45-93a1-af8f66b2eed9-S2', agent('agent2'));
        },
      },
      { at: 19_921, run: ({ agent }) => agent('agent2').lose() },
      { at: 20_920, run: ({ agent, master }) => agent('agent2').register(master.door) },
    ],
    offersExcepted: CHANCE,
  },
  { name: '20', numbers: '102', phase: 500, offersExcepted: CHANCE },
  { name: '21', numbers: '104', phase: 300, eventsExcepted: CHANCE },
  { name: '22', numbers: '103', phase: 300, offersExcepted: CHANCE },
  {
    name: '25',
    numbers: '1–7, 12, 14–16, 18',
    phase: 100,
    answersExcepted: { 53: 'the web interface', 58: 'of the build' },
    offersExcepted: CHANCE,
  },
  {
    name: '26',
    numbers: '8',
    phase: 100,
    credentials: [
      { principal: 'alice', secret: 'pw' },
      { principal: 'bob', secret: 'pw2' },
    ],
  },
  {
    name: '27',
    numbers: '40, 47, 60, 69',
    phase: 300,
    seed: 3,
    absent: ['agent3', 'agent4', 'agent5'],
    offersExcepted: CHANCE,
  },
  {
    name: '28',
    numbers: '114, 115',
    phase: 740,
    absent: ['agent3', 'agent4', 'agent5'],
    answersExcepted: { 27: 'metrics, which this master does not count' },
    script: [
      {
        at: 5_000,
        async run({ agent, master, known }) {
          agent('agent3').register(master.door);
          await known('3a2073f3-9bb0-4e9b-ad42-48e34053bc3c-S2', agent('agent3'));
        },
      },
      { at: 7_000, run: ({ agent }) => agent('agent3').send({ kind: 'unregister' }) },
    ],
  },
  { name: '29', numbers: '33, 50, 51', phase: 100, absent: ['agent3', 'agent5'], offersExcepted: CHANCE },
  { name: '30', numbers: '43', phase: 300 },
  {
    name: '33',
    numbers: '75, 76, 98',
    phase: 600,
    anyOrder: TASKS_UNORDERED,
    script: [
      { at: 1_470, run: ({ agent }) => agent('agent1').crash() },
      { at: 5_690, run: ({ agent, master }) => agent('agent1').reregister(master.door) },
    ],
    offersExcepted: CHANCE,
  },
  { name: '34', numbers: 'task groups', phase: 740, answersExcepted: { 55: OVERTAKEN } },
  { name: '35', numbers: '28, 36, 116', phase: 100 },
  {
    name: '37',
    numbers: '39, 43',
    phase: 600,
    answersExcepted: { 14: 'of a framework whose subscription was not recorded', 16: UNSEEN },
  },
  {
    name: '39',
    numbers: '101, 102',
    phase: 100,
    ids: {
      agent1: '58247804-9caa-44d0-aa95-cda95490830a-S0',
      agent2: '58247804-9caa-44d0-aa95-cda95490830a-S1',
    },
    answersExcepted: { 2: UNSEEN, 9: 'sent while the client closed its stream' },
    script: [
      { at: 1_000, run: ({ agent }) => (agent('agent1').stop(), agent('agent2').stop()) },
      { at: 20_000, run: ({ agent }) => agent('agent2').resume() },
    ],
    offersExcepted: 'the rest of a DECLINE whose time was not recorded',
  },
  {
    name: '40',
    numbers: '33, 50',
    phase: 800,
    answersExcepted: { 2: 'a real master has so many flags that their list is compressed' },
  },
];

const isRescind = (event: unknown): boolean => (event as { type?: string }).type === 'RESCIND';

const sorted = (events: readonly unknown[]): string[] =>
  events.map((event) => JSON.stringify(event)).toSorted();

for (const scenario of SCENARIOS) {
  const recording = readRecording(scenario.name);
  t.test(`master recordings - ${recording.name}: ${scenario.numbers}`, async (t) => {
    const replayed = await replayMaster(recording, scenario);
    t.teardown(() => replayed.close());
    t.ok(replayed.exchanges.length > 1);
    const excepted = scenario.answersExcepted ?? {};
    for (const one of replayed.exchanges) {
      const { seq, response } = one.exchange;
      if (excepted[seq] === undefined) t.same(ownAnswer(one, replayed), recordedAnswer(one.exchange));
      if (!response?.stream) continue;
      const [own, told] = [ownStream(one, replayed), recordedStream(one.exchange)].map((stream) =>
        scenario.rescindsExcepted === undefined
          ? stream
          : { ...stream, events: stream.events.filter((event) => !isRescind(event)) },
      ) as [ComparedStream, ComparedStream];
      t.equal(own.ended, told.ended, `the end of stream ${seq}`);
      if (scenario.eventsExcepted !== undefined) continue;
      if (scenario.anyOrder !== undefined) t.same(sorted(own.events), sorted(told.events), `stream ${seq}`);
      else t.same(own.events, told.events, `stream ${seq}`);
      if (scenario.offersExcepted === undefined)
        t.same(own.offers.toSorted(), told.offers.toSorted(), `offers of stream ${seq}`);
    }
    const known = Object.keys(excepted).map(Number);
    t.ok(known.every((seq) => replayed.exchanges.some(({ exchange }) => exchange.seq === seq)));
  });
}
