import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const packageStarts = (dir: string): boolean => {
  try {
    const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as {
      main?: unknown;
      scripts?: { start?: unknown };
    };
    return typeof manifest.scripts?.start === 'string' || typeof manifest.main === 'string';
  } catch {
    return false;
  }
};

const procfileStarts = (dir: string): boolean => {
  try {
    return /^web:\s*\S/m.test(readFileSync(join(dir, 'Procfile'), 'utf8'));
  } catch {
    return false;
  }
};

/** Whether staging will find a start command. Asked before anything is sent, so that nothing is left half-made. */
export const hasStartCommand = (dir: string): boolean =>
  procfileStarts(dir) || packageStarts(dir) || existsSync(join(dir, 'server.js'));
