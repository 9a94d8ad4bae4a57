// `npm run soak:NAME [-- SEED]`: one of the long proofs in test/soak/, for at most 20 minutes.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root } from '../cli/bin/prepare.mjs';
import { installPrograms } from './install-programs.mjs';

prepare({ tests: true });
installPrograms();
const [name, ...args] = process.argv.slice(2);
const script = join(root, 'dist', 'test', 'soak', `${name}.js`);
const child = spawn(process.execPath, ['--enable-source-maps', script, ...args], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 0 : 1);
});
