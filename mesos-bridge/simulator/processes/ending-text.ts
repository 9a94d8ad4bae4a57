/** How a command ended, as Mesos's own executors tell it. */
import { constants } from 'node:os';

/** As the C library calls them. */
const NAMES: Readonly<Record<string, string>> = {
  SIGHUP: 'Hangup',
  SIGINT: 'Interrupt',
  SIGABRT: 'Aborted',
  SIGKILL: 'Killed',
  SIGSEGV: 'Segmentation fault',
  SIGPIPE: 'Broken pipe',
  SIGTERM: 'Terminated',
};

/** `status`: raw waitpid */
export const endingText = (status: number): string => {
  const signal = status & 0x7f;
  if (signal === 0) return `Command exited with status ${status >> 8}`;
  const [name = `signal ${signal}`] =
    Object.entries(constants.signals).find(([, value]) => value === signal) ?? [];
  return `Command terminated with signal ${NAMES[name] ?? name}`;
};
