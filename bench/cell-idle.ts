/** A cell full of instances that do nothing: what its rep and their supervisors take. */
import { setTimeout as sleep } from 'node:timers/promises';
import { desiredLrp, must } from '../test/support/bbs.js';
import { eventually } from '../test/support/eventually.js';
import { runAction } from '../test/support/lrps.js';
import { CELL } from './cell-system.js';
import type { BenchSystem } from './cell-system.js';
import { median } from './harness.js';
import { childrenOf, cpuTimeOf, proportionalOf, residentOf } from './process-usage.js';

export interface IdleOrder {
  containers: number;
  /** for which the rep is watched */
  seconds: number;
}

export interface IdleResult {
  containers: number;
  /** MB resident: once all run, and at the end */
  repMb: number;
  repLaterMb: number;
  /** of one core */
  repPercent: number;
  /** MB, own and its part of what is shared; and resident, which counts what is shared in each */
  supervisorMb: number;
  supervisorMostMb: number;
  supervisorResidentMb: number;
  helperMb: number;
}

const START_MS = 120_000;

/** One process with all instances, each with a port and a route; no checks, since what they ask is no idling. */
const idler = (instances: number) =>
  desiredLrp({
    processGuid: 'idle',
    instances,
    memoryMb: 16,
    diskMb: 16,
    ports: [8080],
    routes: { 'cf-router': JSON.stringify([{ hostnames: ['idle.localhost'], port: 8080 }]) },
    action: runAction({ path: '/bin/sleep', args: ['1000000'] }),
  });

export const watchIdle = async (bench: BenchSystem, order: IdleOrder): Promise<IdleResult> => {
  const { system, rep, helper } = bench;
  must(await system.bbs.desireLrp(idler(order.containers), ''));
  await eventually(
    async () => {
      const rows = must(await system.bbs.actualLrps({ cellId: CELL }));
      return rows.filter(({ state }) => state === 'RUNNING').length === order.containers;
    },
    { timeoutMs: START_MS, what: `${order.containers} containers run` },
  );
  const { now: repMb } = residentOf(rep);
  const before = cpuTimeOf(rep).all;
  await sleep(order.seconds * 1_000);
  const took = cpuTimeOf(rep).all - before;
  const supervisors = childrenOf(helper);
  const shares = supervisors.map(proportionalOf);
  return {
    containers: supervisors.length,
    repMb,
    repLaterMb: residentOf(rep).now,
    repPercent: took / (order.seconds * 10),
    supervisorMb: median(shares),
    supervisorMostMb: Math.max(...shares),
    supervisorResidentMb: median(supervisors.map((pid) => residentOf(pid).now)),
    helperMb: proportionalOf(helper),
  };
};
