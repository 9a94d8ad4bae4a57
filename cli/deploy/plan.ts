/** What is to run where: all of a deployment but its secrets. */
import { bareHost, isLoopback } from '../../common/model/address.js';
import { OutcryError } from '../../common/model/errors.js';
import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import { hostPortsShare } from './local-cells.js';

export interface PlannedCell {
  readonly id: string;
  /** its machine's name or address, as the others reach it */
  readonly host: string;
  /** '' = the configuration's default */
  readonly zone: string;
}

/** TCP ports of the control machine. */
export interface ControlPorts {
  readonly bbs: number;
  readonly blobs: number;
  readonly api: number;
  readonly router: number;
}

export interface DeploymentPlan {
  /** machine of the BBS, the auctioneer, the API and the router */
  readonly control: string;
  readonly ports: ControlPorts;
  readonly cells: readonly PlannedCell[];
  readonly runtime: 'process' | 'docker';
  /** of the Docker runtime; what is absent has the configuration's default */
  readonly docker: {
    readonly engine?: string;
    /** image of each stack */
    readonly stacks?: Readonly<Record<string, string>>;
  };
  /** Mesos masters that a bridge on the control machine subscribes at; absent = there is no bridge */
  readonly mesos?: string;
  /** domain below which applications get their routes */
  readonly domain: string;
}

export const DEFAULT_PORTS: ControlPorts = { bbs: 8889, blobs: 8083, api: 8081, router: 8080 };

/** Everything on one machine: doors are unix sockets, and nobody needs a certificate. */
export const isLocal = ({ control, cells }: DeploymentPlan): boolean =>
  [control, ...cells.map(({ host }) => host)].every(isLoopback);

const neighboursOf = (plan: DeploymentPlan, cell: PlannedCell): PlannedCell[] =>
  plan.cells.filter(({ host }) => host === cell.host);

/** Which of the cells of its machine it is, from 0. */
export const nthOf = (plan: DeploymentPlan, cell: PlannedCell): number =>
  neighboursOf(plan, cell).indexOf(cell);

/** What it may give away, of memory and of disk: an equal part of its machine. */
export const capacityOf = (plan: DeploymentPlan, cell: PlannedCell): string => {
  const { length } = neighboursOf(plan, cell);
  return length === 1 ? 'auto' : `auto/${length}`;
};

export const hostPortsOf = (plan: DeploymentPlan, cell: PlannedCell): { first: number; last: number } =>
  hostPortsShare(nthOf(plan, cell), neighboursOf(plan, cell).length);

const CELL = /^([^=]+)=(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]*)(?:@([A-Za-z0-9._-]+))?$/;

/** `ID=HOST` or `ID=HOST@ZONE` */
export const parseCell = (text: string): Result<PlannedCell, string> => {
  const [, id, host, zone = ''] = CELL.exec(text) ?? [];
  if (id === undefined || host === undefined) return err(`'${text}' is not ID=HOST or ID=HOST@ZONE`);
  return ok({ id, host: bareHost(host), zone });
};

/** Directories of a deployment that no cell's may be named as. */
const TAKEN = ['control', 'nats', 'authority'];

/** CELL_ID_INVALID when two cells, or a cell and something else, want one name. */
export const checkCells = (cells: readonly PlannedCell[]): void => {
  for (const [at, { id }] of cells.entries()) {
    const reason = TAKEN.includes(id)
      ? 'a directory beside it has that name'
      : cells.findIndex((other) => other.id === id) < at && 'another cell has that id';
    if (reason) throw new OutcryError('CELL_ID_INVALID', { cellId: id, reason });
  }
};
