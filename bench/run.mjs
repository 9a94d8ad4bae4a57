// `npm run bench:NAME`: builds what is missing, then runs bench/NAME.ts.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from '../cli/bin/prepare.mjs';

prepare({ tests: true });
await import(pathToFileURL(join(root, 'dist', 'bench', `${process.argv[2]}.js`)).href);
