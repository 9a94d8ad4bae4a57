import { acquireDataLock } from '../../../common/store/data-lock.js';

// Takes the lock and says so, or says why not; holds it until it is killed.
const [dir = ''] = process.argv.slice(2);
const lock = acquireDataLock(dir, {
  pid: process.pid,
  startedAt: '2026-11-20T12:00:00Z',
  command: 'outcry start',
});
process.stdout.write(`${JSON.stringify(lock.ok ? { ok: true } : lock)}\n`);
if (lock.ok) process.stdin.resume();
