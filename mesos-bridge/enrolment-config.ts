/** What of the bridge's configuration is about executors that enrol. */
import { FILE_PATH, PORT } from '../common/runtime/config.js';
import type { ConfigSchema, ReportProblem } from '../common/runtime/config.js';
import { compileEndpoint, endpointSchema } from '../common/runtime/door-config.js';
import type { UserEndpoint } from '../common/runtime/door-config.js';
import type { Endpoint } from '../common/runtime/endpoint.js';

export interface UserEnrolment {
  url: string;
  ca?: string;
  listen?: { host: string; port: number; tls?: { cert: string; key: string } };
  nats?: string;
  bbs?: UserEndpoint;
  blobs?: UserEndpoint;
  cell?: Record<string, unknown>;
}

/** What cells on agents are handed, besides what they know by themselves. */
export interface HandedOut {
  /** file of their NATS user */
  natsFile: string;
  bbs: Endpoint;
  /** undefined = they have no droplets to fetch */
  blobs: Endpoint | undefined;
  /** keys of a cell's configuration file */
  cell: Readonly<Record<string, unknown>>;
}

export interface EnrolmentConfig {
  /** what executors are told of where they enrol */
  url: string;
  /** PEM file of the authority of its certificate; undefined = those that the agents' machines trust */
  caFile: string | undefined;
  /** undefined: another bridge listens there */
  door:
    | {
        host: string;
        port: number;
        /** undefined: plain HTTP */
        tls: { certFile: string; keyFile: string } | undefined;
        handedOut: HandedOut;
      }
    | undefined;
}

const listen: ConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['host', 'port'],
  description: 'where this bridge listens for them',
  properties: {
    host: { type: 'string', minLength: 1, description: 'address of this machine to listen at' },
    port: { ...PORT, description: 'TCP port' },
    tls: {
      type: 'object',
      additionalProperties: false,
      required: ['cert', 'key'],
      description: 'without it credentials go over the network as they are',
      properties: {
        cert: { ...FILE_PATH, description: 'PEM file: certificate of this listener' },
        key: { ...FILE_PATH, description: 'PEM file: its private key' },
      },
    },
  },
};

export const enrolmentSchema: ConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  description: 'where cells on agents get what they are to know: with a one-time token, over this',
  properties: {
    url: {
      type: 'string',
      pattern: '^https?://[^/]+$',
      description: "`https://HOST:PORT`, as the agents' machines reach this bridge, or its stand-by",
    },
    ca: {
      ...FILE_PATH,
      description:
        "PEM file: the authority of its certificate; without: those that the agents' machines trust",
    },
    listen,
    nats: {
      ...FILE_PATH,
      description: 'file of the NATS user of cells on Mesos, as `outcry nats-config --mesos` writes it',
    },
    bbs: endpointSchema('the BBS, as cells on agents find it,'),
    blobs: endpointSchema('the droplets, as cells on agents find them,'),
    cell: {
      type: 'object',
      description: "further keys of these cells' configuration: `runtime`, `docker`, `zone` …",
    },
  },
};

export const enrolmentOf = (
  { url, ca, listen: at, nats, bbs, blobs, cell = {} }: UserEnrolment,
  report: ReportProblem,
): EnrolmentConfig => {
  const told = { url, caFile: ca };
  if (at === undefined) return { ...told, door: undefined };
  if (nats === undefined) report('enrolment.nats', 'is missing: who listens for cells must hand it out');
  if (bbs === undefined) report('enrolment.bbs', 'is missing: who listens for cells must hand it out');
  if (url.startsWith('https:') !== (at.tls !== undefined))
    report('enrolment.url', 'must begin with https:// where there is listen.tls, and with http:// elsewhere');
  return {
    ...told,
    door: {
      host: at.host,
      port: at.port,
      tls: at.tls && { certFile: at.tls.cert, keyFile: at.tls.key },
      handedOut: {
        natsFile: nats ?? '',
        bbs: compileEndpoint(bbs ?? {}, 'enrolment.bbs', report),
        blobs: blobs && compileEndpoint(blobs, 'enrolment.blobs', report),
        cell,
      },
    },
  };
};
