/** Keys of the router's configuration for those who run it: what it logs and shows of itself. */
import { FILE_PATH } from '../common/runtime/config.js';
import type { AccessLogConfig } from './access-log/access-log.js';
import { EXTRA_FIELDS } from './core/access-line.js';
import type { ExtraField } from './core/access-line.js';

interface UserAccessLog {
  file?: string;
  stdout: boolean;
  app_logs: boolean;
  extra_access_log_fields: ExtraField[];
  extra_headers_to_log: string[];
  redact_query_params: 'none' | 'all' | 'hash';
  disable_log_forwarded_for: boolean;
  disable_log_source_ip: boolean;
}

export interface UserOperation {
  foreign_claims: 'allow' | 'refuse';
  access_log: UserAccessLog;
}

export interface OperationConfig {
  readonly accessLog: AccessLogConfig;
}

const accessLog = {
  type: 'object',
  additionalProperties: false,
  description: "one line per request, in gorouter's format",
  properties: {
    file: { ...FILE_PATH, description: 'where to; SIGHUP has it opened again' },
    stdout: { type: 'boolean', description: 'on standard output' },
    app_logs: { type: 'boolean', description: "each application's requests in its own log, as source RTR" },
    extra_access_log_fields: {
      type: 'array',
      items: { enum: EXTRA_FIELDS },
      description: `further fields: ${EXTRA_FIELDS.map((name) => `\`${name}\``).join(', ')}`,
    },
    extra_headers_to_log: {
      type: 'array',
      items: { type: 'string', pattern: '^[A-Za-z0-9-]+$' },
      description: "headers of requests, at the line's end",
    },
    redact_query_params: {
      enum: ['none', 'all', 'hash'],
      description: 'leaves queries out, or shows their SHA-1 instead',
    },
    disable_log_forwarded_for: { type: 'boolean', description: 'leaves out `X-Forwarded-For`' },
    disable_log_source_ip: { type: 'boolean', description: "leaves out the client's address" },
  },
} as const;

const foreignClaims = {
  enum: ['allow', 'refuse'],
  description:
    'what becomes of a registration for a route that another application has, or another component where none is named: both serve it, or the first alone',
} as const;

export const OPERATION_SCHEMA = { foreign_claims: foreignClaims, access_log: accessLog } as const;

export const OPERATION_DEFAULTS: UserOperation = {
  foreign_claims: 'allow',
  access_log: {
    stdout: false,
    app_logs: true,
    extra_access_log_fields: [],
    extra_headers_to_log: [],
    redact_query_params: 'none',
    disable_log_forwarded_for: false,
    disable_log_source_ip: false,
  },
};

export const compileOperation = ({ access_log: log }: UserOperation): OperationConfig => ({
  accessLog: {
    file: log.file,
    stdout: log.stdout,
    appLogs: log.app_logs,
    extraFields: log.extra_access_log_fields,
    extraHeaders: log.extra_headers_to_log.map((name) => name.toLowerCase()),
    redactQuery: log.redact_query_params,
    hideForwardedFor: log.disable_log_forwarded_for,
    hideSourceAddress: log.disable_log_source_ip,
  },
});
