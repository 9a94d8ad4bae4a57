import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ERRORS } from '../../common/model/errors.js';
import { packageRoot } from '../../common/runtime/package-root.js';

const FILE = join(packageRoot(), 'docs/reference/errors.md');

const HEAD = `# Errors

Every error that a person may meet. The command line prints \`outcry: CODE: what happened; what to do\` and
exits with 1; the API answers with the status given here and the same text. \`{words}\` are filled in.

| code | what happened | what to do | status |
| --- | --- | --- | --- |
`;

const cell = (text: string): string => text.replaceAll('|', '\\|');

const rendered = (): string =>
  HEAD +
  Object.entries(ERRORS)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([code, { message, remedy, status }]) =>
        `| ${code} | ${cell(message)} | ${cell(remedy)} | ${status} |\n`,
    )
    .join('');

t.test('docs - errors.md is the registry, no more and no less', async (t) => {
  // after a change of the registry: UPDATE_DOCS=1 npm test -- docs/errors
  if (process.env.UPDATE_DOCS === '1') writeFileSync(FILE, rendered());
  t.equal(readFileSync(FILE, 'utf8'), rendered());
});

t.test('docs - every message fits one line', async (t) => {
  for (const [code, { message, remedy }] of Object.entries(ERRORS)) {
    t.notMatch(message + remedy, /\n/, code);
  }
});
