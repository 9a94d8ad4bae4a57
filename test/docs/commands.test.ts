import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { COMMANDS } from '../../cli/commands/index.js';
import type { Command } from '../../cli/context.js';
import { packageRoot } from '../../common/runtime/package-root.js';

const FILE = join(packageRoot(), 'docs/reference/commands.md');

const HEAD = `# Commands

What \`outcry help COMMAND\` says of each. What was asked for goes to standard output, progress and remarks to standard
error; a failure is one line, \`outcry: CODE: what happened; what to do\` ([errors](errors.md)), and exit status 1. The API is
found in \`~/.outcry\` (\`OUTCRY_DATA\` names another directory), or by \`OUTCRY_API\`, \`OUTCRY_TOKEN\` and, with TLS,
\`OUTCRY_CA\`.
`;

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** Options of a subcommand are set in from it. */
const row = ([option, meaning]: readonly [string, string]): string => {
  const isInner = option.startsWith(' ');
  return `| ${isInner ? '&nbsp;&nbsp;' : ''}\`${cell(option.trim())}\` | ${cell(meaning)} |\n`;
};

const section = ({ name, usage, summary, options = [] }: Command): string => {
  const head = `\n## ${name}\n\n\`outcry ${usage}\`: ${summary}.\n`;
  return options.length === 0
    ? head
    : `${head}\n| option | what it does |\n| --- | --- |\n${options.map(row).join('')}`;
};

const rendered = (): string => HEAD + COMMANDS.map(section).join('');

t.test('docs - commands.md is what the commands say of themselves', async (t) => {
  // after a change of a command: UPDATE_DOCS=1 npm test -- docs/commands
  if (process.env.UPDATE_DOCS === '1') writeFileSync(FILE, rendered());
  t.equal(readFileSync(FILE, 'utf8'), rendered());
});
