/** Certificates that are not trusted, between processes: who is refused says so once, and what runs runs on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { TlsFiles } from '../../common/runtime/tls-files.js';
import { eventually } from './eventually.js';
import {
  APP,
  answers,
  assertUnbroken,
  identities,
  load,
  pushProbe,
  rows,
  running,
} from './processes-scenarios.js';
import { createTlsDoors } from './processes-tls.js';
import type { TlsDoors } from './processes-tls.js';
import { startProcessSystem } from './processes.js';
import type { ProcessSystem } from './processes.js';

interface World {
  t: Test;
  system: ProcessSystem;
  doors: TlsDoors;
  bad: { expired: TlsFiles; foreign: TlsFiles; elsewhere: TlsFiles };
}

/** What a component is to say, once. */
interface Complaint {
  of: string;
  event: string;
  code: string;
  message: RegExp;
}

export interface Case {
  what: string;
  /** which certificate is replaced, by which, and whose process is started again for it */
  bearer: string;
  by: keyof World['bad'];
  restart: string;
  complaints: readonly Complaint[];
  /** what does not go meanwhile, and goes afterwards */
  meanwhile(world: World): Promise<void>;
}

const CELLS = ['cell-1', 'cell-2'];
const BAD_CELL = 'cell-2';
const INSTANCES = 2;

const REASONS = { expired: /expired/, foreign: /unable to verify/, elsewhere: /10\.9\.9\.9/ } as const;

/** Started again; a cell is killed for it, so that its containers run on. */
const again = async ({ system }: World, name: string): Promise<void> => {
  await system.kill(name, CELLS.includes(name) ? 'SIGKILL' : 'SIGTERM');
  system.start(name);
};

const distrusted = (of: string, message: RegExp): Complaint => ({
  of,
  event: 'bbs-does-not-answer',
  code: 'BBS_CERTIFICATE_REFUSED',
  message,
});

const refusedByBbs = (message: RegExp): Complaint => ({
  of: 'bbs',
  event: 'bbs.client-refused',
  code: 'CLIENT_REFUSED',
  message,
});

/** Nothing can be asked of the BBS: people are told so, and what they wished is done when it is back. */
const noBoard = async ({ t, system }: World): Promise<void> => {
  const { code, output } = await system.tryOutcry('run-task', APP, 'true', '--wait');
  t.not(code, 0);
  t.match(output, /BBS_UNAVAILABLE|bulletin board/, output);
};

const noAuction = async ({ t, system }: World): Promise<void> => {
  const { output } = await system.tryOutcry('run-task', APP, 'true');
  t.notMatch(output, /succeeded/);
};

/** It would take work, being empty, and could claim none. */
const noWorkThere = async ({ t, system }: World): Promise<void> => {
  await eventually(
    async () => (await system.health(BAD_CELL)).reason === 'the bulletin board does not answer this cell',
    {
      timeoutMs: 30_000,
      what: 'the cell takes no work',
    },
  );
  t.match(await system.outcry('run-task', APP, 'true', '--wait'), /succeeded/, 'the other cell does it');
};

/** New instances of an application come to the bad cell and say why they cannot run there. */
const noDroplet = async ({ t, system }: World): Promise<void> => {
  const { output } = await system.tryOutcry('scale', APP, '-i', '6');
  t.match(output, /the certificate of the droplet store, or the cell's own, is not trusted/);
  await system.outcry('scale', APP, '-i', String(INSTANCES));
};

const bbsServer = (by: keyof typeof REASONS): Case => ({
  what: `the BBS's, ${by}`,
  bearer: 'bbs',
  by,
  restart: 'bbs',
  complaints: ['auctioneer', 'api'].map((of) => distrusted(of, REASONS[by])),
  meanwhile: noBoard,
});

const REFUSED = {
  expired: /at 127\.0\.0\.1: CERT_HAS_EXPIRED/,
  foreign: /at 127\.0\.0\.1: UNABLE_TO/,
} as const;

/** The BBS tells it once per address, and here all have one: of the first. */
const client = (of: string, by: keyof typeof REFUSED, meanwhile: Case['meanwhile']): Case => ({
  what: `that of ${of}, ${by}`,
  bearer: of,
  by,
  restart: of,
  complaints: [
    distrusted(of, /does not trust its client's certificate/),
    ...(of === 'auctioneer' ? [refusedByBbs(REFUSED[by])] : []),
  ],
  meanwhile,
});

const storeServer = (by: keyof typeof REASONS): Case => ({
  what: `the droplet store's, ${by}`,
  bearer: 'blobs',
  by,
  restart: 'api',
  complaints: [
    {
      of: BAD_CELL,
      event: 'downloader.droplet-store-refused',
      code: 'DROPLET_STORE_REFUSED',
      message: REASONS[by],
    },
  ],
  meanwhile: noDroplet,
});

/** Every bearer with every reason for which it may not be trusted. */
export const ALL: readonly Case[] = [
  bbsServer('expired'),
  bbsServer('foreign'),
  bbsServer('elsewhere'),
  client('auctioneer', 'expired', noAuction),
  client('auctioneer', 'foreign', noAuction),
  client(BAD_CELL, 'expired', noWorkThere),
  client(BAD_CELL, 'foreign', noWorkThere),
  storeServer('expired'),
  storeServer('foreign'),
  storeServer('elsewhere'),
];

/** Every bearer, and every reason. */
export const FEW: readonly Case[] = [
  bbsServer('expired'),
  bbsServer('elsewhere'),
  client('auctioneer', 'foreign', noAuction),
  client(BAD_CELL, 'expired', noWorkThere),
  storeServer('foreign'),
];

const told = ({ system }: World, { of, event, code }: Complaint): Record<string, unknown>[] =>
  system
    .logged(of, event)
    .map(({ data }) => data as Record<string, unknown>)
    .filter((data) => data['code'] === code);

const play = async (world: World, one: Case): Promise<void> => {
  const { t, system, doors, bad } = world;
  const before = one.complaints.map((complaint) => told(world, complaint).length);
  const instances = identities(await rows(system));
  const asking = load(system);

  doors.give(one.bearer, bad[one.by]);
  await again(world, one.restart);
  // a cell keeps what it has downloaded: one that is started again has nothing
  if (one.bearer === 'blobs') await again(world, BAD_CELL);
  if (one.restart === 'api' || one.restart === BAD_CELL || one.bearer === 'blobs') await system.ready();
  await one.meanwhile(world);
  for (const [at, complaint] of one.complaints.entries()) {
    const [said] = await eventually(
      () => {
        const all = told(world, complaint).slice(before[at]);
        return all.length > 0 && all;
      },
      { timeoutMs: 30_000, what: `${complaint.of} says ${complaint.code}` },
    );
    t.match(said, { message: complaint.message, remedy: /certificate/ });
  }

  doors.restore(one.bearer);
  await again(world, one.restart);
  await system.ready();
  t.match(await system.outcry('run-task', APP, 'true', '--wait'), /succeeded/, 'all goes on');
  await running(system, INSTANCES);
  await answers(system);
  await asking.stop();
  assertUnbroken(one.what, asking);
  t.same(identities(await rows(system)), instances, 'nothing restarted, nothing lost');
  for (const [at, complaint] of one.complaints.entries())
    t.equal(told(world, complaint).length - (before[at] ?? 0), 1, `${complaint.of} said it once`);
};

/** Certificates that are told once by whom they keep out, while applications and data stay. */
export const playCertificates = async (t: Test, cases: readonly Case[]): Promise<void> => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-ca-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const doors = await createTlsDoors(dir, CELLS);
  const system = await startProcessSystem({
    cells: CELLS.length,
    natsServers: 1,
    presenceTtlMs: 6_000,
    prepare: doors.prepare,
  });
  t.teardown(system.close);
  const bad = {
    expired: await doors.authority.issue('expired', { days: -1 }),
    foreign: await doors.foreign.issue('strange'),
    elsewhere: await doors.authority.issue('elsewhere', { address: '10.9.9.9' }),
  };
  await pushProbe(system, INSTANCES);
  for (const one of cases) await t.test(one.what, (t) => play({ t, system, doors, bad }, one));
  t.same(system.defects(), []);
};
