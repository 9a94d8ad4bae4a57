// `npm test`: sets up what the suites need, runs every suite with tap, and ends with one line
// `N passed, N failed` (`, N skipped` if any). Arguments narrow the run: `npm test -- router contract/bus`.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { prepare, root } from '../cli/bin/prepare.mjs';
import { installPrograms } from './install-programs.mjs';

/** A file that has not ended by then is hung: it is killed and counted as failed. */
const FILE_TIMEOUT_MS = 240_000;

const say = (text) => process.stdout.write(`${text}\n`);

const testFiles = (dir) =>
  readdirSync(dir, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) return testFiles(path);
      return entry.name.endsWith('.test.js') ? [path] : [];
    })
    .sort();

const killTree = (child) => {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // it has gone by itself
  }
};

const collect = (child, Parser, done) => {
  const parser = new Parser({ bail: false });
  const failures = [];
  let output = '';
  const watch = (suite, titles) => {
    suite.on('child', (inner) => watch(inner, [...titles, inner.name]));
    suite.on('assert', (result) => {
      if (result.ok || result.todo || result.skip) return;
      failures.push({ title: [...titles, result.name].filter(Boolean).join(' › '), diag: result.diag });
    });
  };
  watch(parser, []);
  parser.on('complete', (results) => done({ results, failures, output }));
  const keep = (chunk) => {
    output = (output + chunk).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.stdout.pipe(parser);
};

const runFile = (file, Parser) =>
  new Promise((resolve) => {
    const began = Date.now();
    const child = spawn(process.execPath, ['--enable-source-maps', file], {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { TAP_TIMEOUT: String(FILE_TIMEOUT_MS / 1000), ...process.env, NODE_ENV: 'test' },
    });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killTree(child);
    }, FILE_TIMEOUT_MS);
    let summary;
    let exit;
    const settle = () => {
      if (summary === undefined || exit === undefined) return;
      clearTimeout(timer);
      killTree(child);
      resolve({ file, ...summary, exit, timedOut, ms: Date.now() - began });
    };
    collect(child, Parser, (outcome) => {
      summary = outcome;
      settle();
    });
    child.on('exit', (code, signal) => {
      exit = code ?? signal;
      settle();
    });
  });

const count = ({ results, exit, timedOut }) => {
  const skipped = results.skip ?? 0;
  const failed = results.fail ?? 0;
  const broken = failed === 0 && (exit !== 0 || timedOut || !results.ok) ? 1 : 0;
  return { passed: (results.pass ?? 0) - skipped, failed: failed + broken, skipped, broken };
};

const report = (run, counts) => {
  const name = relative(join(root, 'dist', 'test'), run.file).replace(/\.js$/, '.ts');
  const mark = counts.failed > 0 ? 'FAIL' : counts.passed === 0 ? 'skip' : 'ok  ';
  say(`${mark} ${name} (${counts.passed} passed, ${(run.ms / 1000).toFixed(1)} s)`);
  if (counts.failed === 0) return;
  for (const failure of run.failures) {
    say(`     ✗ ${failure.title}`);
    if (failure.diag) say(JSON.stringify(failure.diag, null, 2).replace(/^/gm, '       '));
  }
  if (counts.broken > 0) {
    say(
      `     ${run.timedOut ? `still running after ${FILE_TIMEOUT_MS / 1000} s: killed` : `ended with ${run.exit}`}`,
    );
    say(run.output.slice(-4000).replace(/^/gm, '       '));
  }
};

/** Files at once: one more than there are processors, up to four, since many wait for times to pass. */
const AT_ONCE = Math.min(4, availableParallelism() + 1);
/** … of them with whole systems: these take longest, and processors from each other */
const SYSTEMS_AT_ONCE = 1;

/** Systems from the first moment on, one after the other, and the rest beside them; `done` says that one has ended. */
const createQueue = (files) => {
  const isSystem = (file) => relative(join(root, 'dist', 'test'), file).startsWith('e2e');
  /** they choose the ports that people know, which two at the same moment would both find free */
  const takesKnownPorts = (file) => file.includes('/e2e/up-');
  const [systems, others] = [files.filter(isSystem), files.filter((file) => !isSystem(file))];
  const running = new Set();
  const nextSystem = () => {
    const most = others.length === 0 ? SYSTEMS_AT_ONCE + 1 : SYSTEMS_AT_ONCE;
    if (running.size >= most) return undefined;
    const areTaken = [...running].some(takesKnownPorts);
    return systems.find((file) => !areTaken || !takesKnownPorts(file));
  };
  return {
    next() {
      const file = nextSystem();
      if (file === undefined) return others.shift();
      systems.splice(systems.indexOf(file), 1);
      running.add(file);
      return file;
    },
    done: (file) => void running.delete(file),
  };
};

const runAll = async (files, Parser) => {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const queue = createQueue(files);
  const reasons = new Set();
  const worker = async () => {
    for (let file = queue.next(); file !== undefined; file = queue.next()) {
      const run = await runFile(file, Parser);
      queue.done(file);
      const counts = count(run);
      report(run, counts);
      for (const { skip } of run.results.skips ?? []) if (typeof skip === 'string') reasons.add(skip);
      total.passed += counts.passed;
      total.failed += counts.failed;
      total.skipped += counts.skipped;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const reason of reasons) say(`skipped: ${reason}`);
  return total;
};

prepare({ tests: true });
installPrograms();
const { Parser } = await import('tap-parser');
const wanted = process.argv.slice(2);
const all = testFiles(join(root, 'dist', 'test'));
const files = all.filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)));
const total = await runAll(files, Parser);
if (files.length === 0) say(`no test file matches ${wanted.join(', ')}`);
say(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
