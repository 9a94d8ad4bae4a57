import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../../../common/runtime/package-root.js';
import { isToken } from '../../../common/model/ids.js';
import { cellRole, ROLES } from '../../../common/wire/nats-roles.js';
import type { RolePermissions } from '../../../common/wire/nats-roles.js';
import { BBS_ROUTES, methodOf } from '../../../common/wire/routes.js';
import type { BbsRoute } from '../../../common/wire/routes.js';
import {
  ANY_BBS_EVENT,
  ANY_CELL_PRESENCE,
  ANY_LOG,
  bbsEventSubject,
  CELL_VERBS,
  cellSubject,
  logSubject,
  SUBJECTS,
} from '../../../common/wire/subjects.js';
import { arbitraries } from '../../support/wire-arbitraries.js';

interface Row {
  subject: string;
  payload: string;
  answer: string;
  publishers: string[];
  subscribers: string[];
}

const roles = (cell: string | undefined): string[] => (cell ?? '').split(', ').filter((role) => role !== '');

const rows: Row[] = readFileSync(join(packageRoot(), 'docs', 'reference', 'subjects.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => {
    const [subject, , payload, answer, publishers, subscribers] = line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim());
    return {
      subject: (subject ?? '').replaceAll('`', ''),
      payload: payload ?? '',
      answer: answer ?? '',
      publishers: roles(publishers),
      subscribers: roles(subscribers),
    };
  });

const all: Record<string, RolePermissions> = { ...ROLES, cell: cellRole('ID') };

/** `<id>` becomes the cell's own id, the rest some token. */
const concrete = (subject: string): string => subject.replace('<id>', 'ID').replaceAll(/<\w+>/g, 'x');

const matches = (pattern: string, subject: string): boolean => {
  const [wanted, tokens] = [pattern.split('.'), subject.split('.')];
  if (wanted.at(-1) === '>') return wanted.slice(0, -1).every((token, i) => token === tokens[i]);
  return wanted.length === tokens.length && wanted.every((token, i) => token === '*' || token === tokens[i]);
};

const allowed = (what: 'publish' | 'subscribe', subject: string): string[] =>
  Object.keys(all).filter((role) => all[role]?.[what].some((pattern) => matches(pattern, concrete(subject))));

t.test('subjects - the reference page lists every subject once', async (t) => {
  const subjects = [
    ...Object.values(SUBJECTS),
    ...CELL_VERBS.map((verb) => cellSubject('<id>', verb)),
    bbsEventSubject('<kind>'),
    logSubject('<guid>', '<index>'),
  ];
  t.strictSame(rows.map(({ subject }) => subject).sort(), subjects.sort());
});

t.test('subjects - the reference page names who may publish and subscribe', async (t) => {
  for (const { subject, publishers, subscribers } of rows) {
    t.strictSame(new Set(publishers), new Set(allowed('publish', subject)), `${subject}: publish`);
    t.strictSame(new Set(subscribers), new Set(allowed('subscribe', subject)), `${subject}: subscribe`);
  }
});

t.test('subjects - who may answer is who hears what has an answer', async (t) => {
  const answering = rows.filter(({ answer }) => answer !== '–').flatMap(({ subscribers }) => subscribers);
  t.strictSame(new Set(Object.keys(all).filter((role) => all[role]?.answers)), new Set(answering));
});

t.test('subjects - the reference page names payloads that exist', async (t) => {
  for (const { subject, payload, answer } of rows) {
    for (const name of [payload, answer]) {
      const message = /^`(\w+)`$/.exec(name)?.[1];
      t.ok(message ? message in arbitraries : /^(–|empty|JSON `\w+`)$/.test(name), `${subject}: ${name}`);
    }
  }
});

t.test(
  'subjects - are lower case, of sound tokens, and matched by what listens to all of a kind',
  async (t) => {
    for (const { subject } of rows) t.ok(concrete(subject).split('.').every(isToken), subject);
    for (const subject of Object.values(SUBJECTS)) t.equal(subject, subject.toLowerCase());
    t.ok(matches(ANY_CELL_PRESENCE, cellSubject('a', 'presence')));
    t.ok(matches(ANY_BBS_EVENT, bbsEventSubject('task_created')));
    t.ok(matches(ANY_LOG, logSubject('guid', 0)));
  },
);

t.test('routes - paths differ, and only event streams and the dump are read with GET', async (t) => {
  const names = Object.keys(BBS_ROUTES) as BbsRoute[];
  t.equal(new Set(Object.values(BBS_ROUTES)).size, names.length);
  t.strictSame(
    names.filter((name) => methodOf(name) === 'GET').map((name) => BBS_ROUTES[name]),
    ['/v1/events.r1', '/v1/events', '/v1/dump.outcry', '/v1/events.outcry'],
  );
});
