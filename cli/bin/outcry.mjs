#!/usr/bin/env node
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { prepare, root } from './prepare.mjs';

// A rep is idle for most of the time, and most of what it makes is garbage soon: 25 MB of that would lie around. Only
// before anything is loaded does it have an effect.
if (process.argv[2] === 'cell') setFlagsFromString('--semi-space-growth-factor=1');
prepare();
const { main } = await import(pathToFileURL(join(root, 'dist', 'cli', 'main.js')).href);
process.exitCode = await main(process.argv.slice(2));
