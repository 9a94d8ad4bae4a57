// One process at a time, without a package: what is installed is not there yet. Plain JavaScript, as prepare.mjs.
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

const WAIT_MS = 50;

const textOf = (file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

/** When a process began, in the machine's ticks: a number may be given to another one. '' where that cannot be told. */
const beginOf = (pid) =>
  textOf(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ')[19] ?? '';

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Process, its begin, and what no other life of a lock has. */
const HOLDER = /^(\d+)_(\d*)_[0-9a-f-]+$/;

/** Of a lock that nobody can have written whole: an earlier version's, or one that a power cut has emptied. */
const NOBODY = 'nobody';

const holderOf = (file) => {
  const text = textOf(file);
  return text === undefined || HOLDER.test(text) ? text : NOBODY;
};

const isDead = (holder) => {
  const [, pid, begin] = HOLDER.exec(holder) ?? [];
  return pid === undefined || !isAlive(Number(pid)) || (begin !== '' && begin !== beginOf(pid));
};

/** Takes a lock that is free. It appears with its content: nobody ever reads half of it. */
const take = (file, written) => {
  try {
    linkSync(written, file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
};

/**
 * Takes over a dead holder's lock. Who may is settled by a lock of its own, named by that holder: so long as somebody has
 * that, nobody else replaces what the holder has left, and whoever comes later finds another holder.
 */
const takeOver = (file, written, holder) => {
  const right = `${file}.${holder}`;
  if (!tryLock(right)) return false;
  try {
    if (holderOf(file) !== holder) return false;
    renameSync(written, file);
    return true;
  } finally {
    rmSync(right, { force: true });
  }
};

/** Whether this process has it now. */
const tryLock = (file) => {
  const written = `${file}.${process.pid}.new`;
  writeFileSync(written, `${process.pid}_${beginOf(process.pid)}_${randomUUID()}`);
  try {
    if (take(file, written)) return true;
    const holder = holderOf(file);
    return holder !== undefined && isDead(holder) && takeOver(file, written, holder);
  } finally {
    rmSync(written, { force: true });
  }
};

/** Whether it is worth waiting: where nothing can be written, whoever works there will say so. */
const mayLock = (file) => {
  try {
    return tryLock(file) ? 'mine' : 'wait';
  } catch {
    return 'none';
  }
};

/** Does `work` while no other process does any under the lock `file`; one whose holder was killed is taken over. */
export const alone = (file, work) => {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let lock = mayLock(file);
  for (; lock === 'wait'; lock = mayLock(file)) Atomics.wait(pause, 0, 0, WAIT_MS);
  try {
    work();
  } finally {
    if (lock === 'mine') rmSync(file, { force: true });
  }
};
