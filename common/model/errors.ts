import { DOCKER_ERRORS } from './errors-docker.js';
import type { ErrorEntry } from './error-entry.js';

/**
 * The error registry: every error that a person may meet, with its exit status or HTTP status.
 * docs/reference/errors.md lists the same; a test keeps them equal.
 */
export const ERRORS = {
  PATH_NOT_FOUND: {
    message: 'no such directory: {path}',
    remedy: 'give the path of the application directory; a name for the application goes with --name',
    status: 422,
  },
  APP_DIR_EMPTY: {
    message: 'the directory {path} is empty',
    remedy: 'push a directory that holds the application',
    status: 422,
  },
  NO_START_COMMAND: {
    message: 'no start command for {app}',
    remedy: 'give -c COMMAND, a Procfile with a "web:" line, or a package.json with a "start" script',
    status: 422,
  },
  API_BODY_INVALID: {
    message: 'the request is not valid: {field} {reason}',
    remedy: 'correct that field and send the request again; nothing was changed',
    status: 422,
  },
  API_HOST_REFUSED: {
    message: 'this API does not answer to the host name {host}',
    remedy: 'use the address the API was started with, or add the name to its allowed hosts',
    status: 421,
  },
  API_ORIGIN_REFUSED: {
    message: 'requests from web pages of {origin} are refused',
    remedy: 'call the API from a tool, or add the origin to its allowed origins',
    status: 403,
  },
  API_PORT_IN_USE: {
    message: 'the API cannot listen on {address}: {reason}',
    remedy: 'stop what uses that address, or choose another one',
    status: 500,
  },
  API_TOKEN_REFUSED: {
    message: 'Invalid Auth Token',
    remedy: 'send "Authorization: bearer TOKEN" with the token of the data directory',
    status: 401,
  },
  APP_NAME_INVALID: {
    message: 'the app name "{name}" is not valid',
    remedy: 'use letters, digits, spaces, ".", "_" and "-", at most 63, a letter or digit first and last',
    status: 422,
  },
  BBS_CERTIFICATE_REFUSED: {
    message: 'the certificate of the bulletin board, or the own one, is not trusted: {reason}',
    remedy: 'give both sides certificates of one authority, that name the address, and have not expired',
    status: 502,
  },
  BBS_REFUSED: {
    message: 'the bulletin board refused it: {reason}',
    remedy: 'correct what is named and send it again; nothing was changed',
    status: 422,
  },
  BBS_UNAVAILABLE: {
    message: 'the bulletin board does not answer: {reason}',
    remedy: 'wait and ask again; what was accepted is carried out once it answers',
    status: 503,
  },
  ENV_NAME_INVALID: {
    message: 'the environment variable "{name}" {reason}',
    remedy: 'choose another name',
    status: 422,
  },
  IMAGE_CREDENTIALS_UNSUPPORTED: {
    message: 'credentials for the registry of an image are not served yet',
    remedy: 'use an image that anybody may pull, or load it into the engine of every cell',
    status: 422,
  },
  MANIFEST_KEY_UNKNOWN: {
    message: 'the manifest has an unknown key at {field} (line {line}){hint}',
    remedy: 'correct or remove the key; see the list of manifest keys',
    status: 422,
  },
  MANIFEST_KEY_UNSUPPORTED: {
    message: 'the manifest asks at {field} (line {line}) for what is not there: {reason}',
    remedy: 'remove the key',
    status: 422,
  },
  MANIFEST_UNREADABLE: {
    message: 'the manifest is not readable YAML: {reason}',
    remedy: 'correct the file; nothing was changed',
    status: 422,
  },
  MANIFEST_VALUE_INVALID: {
    message: 'the manifest is wrong at {field} (line {line}): {reason}',
    remedy: 'correct the value; nothing was changed',
    status: 422,
  },
  ROUTE_INVALID: {
    message: 'the route {route} is not valid: {reason}',
    remedy: 'use a host of letters, digits and "-", and a path that starts with "/"',
    status: 422,
  },
  STACK_UNKNOWN: {
    message: 'there is no stack {stack}',
    remedy: 'use one of: {stacks}',
    status: 422,
  },
  TASK_NAME_INVALID: {
    message: 'the task name "{name}" is not valid',
    remedy: 'use letters, digits, spaces, ".", "_" and "-", at most 63, a letter or digit first',
    status: 422,
  },
  UPLOAD_BROKEN: {
    message: 'the upload ended early or is not a well-formed multipart body: {reason}',
    remedy: 'upload again; nothing was kept',
    status: 400,
  },
  UPLOAD_ENTRY_REFUSED: {
    message: 'the upload holds an entry that is refused: {reason}',
    remedy: 'remove that entry and push again; nothing was kept',
    status: 422,
  },
  UPLOAD_NOT_ZIP: {
    message: 'the upload is not a readable zip archive: {reason}',
    remedy: 'upload a zip archive; nothing was kept',
    status: 422,
  },
  UPLOAD_TOO_LARGE: {
    message: 'the upload is larger than {limitMb} MB',
    remedy: 'leave out what the application does not need, or raise the limit of the API',
    status: 413,
  },
  CONFIG_INVALID: {
    message: 'configuration: {problem}',
    remedy: 'correct that field; docs/reference/configuration.md lists them all',
    status: 422,
  },
  DATA_DIR_LOCKED: {
    message: 'the data directory {path} is in use by process {pid} ({command}), started {startedAt}',
    remedy: 'stop that process first, or give another directory with --data DIR',
    status: 409,
  },
  DATA_DIR_TOO_DEEP: {
    message:
      'the path of the data directory {path} is too long: at most {longest} bytes, since it holds sockets',
    remedy: 'give a shorter one with --data DIR',
    status: 422,
  },
  DATA_DIR_UNREADABLE: {
    message: 'the data directory {path} cannot be used: {reason}',
    remedy: 'make it a directory that you own and may read and write, or give another with --data DIR',
    status: 500,
  },
  STORE_CORRUPT: {
    message: 'the data file {path} is damaged: {reason}',
    remedy:
      'keep a copy of it, put back a backup of the data directory, or move the file away to start empty',
    status: 500,
  },
  STORE_FULL: {
    message: 'no space left to write {path}',
    remedy: 'free space on that disk; nothing was changed',
    status: 507,
  },
  STORE_LOCKED: {
    message: 'the data file {path} is in use by another process',
    remedy: 'stop the other process that uses it, then start again',
    status: 409,
  },
  STORE_NEWER: {
    message: 'the data file {path} was written by a newer version (schema {found}, this one knows {known})',
    remedy: 'start the version that wrote it, or a newer one; data is never converted back',
    status: 500,
  },
  STORE_UNREADABLE: {
    message: 'the data file {path} cannot be used: {reason}',
    remedy: 'check the disk and the permissions of the file, then start again',
    status: 500,
  },
  API_NOT_OUTCRY: {
    message: 'what answers at {url} is not the API: status {status}, {start}',
    remedy: 'set OUTCRY_API to the address that the system printed as its API',
    status: 502,
  },
  API_REFUSED: {
    message: 'the API refused ({status} {title}): {reason}',
    remedy: 'correct what it names and try again',
    status: 422,
  },
  API_UNREACHABLE: {
    message: 'no answer from the API at {url}: {reason}',
    remedy: "start the system with 'npm start', or set OUTCRY_API to where it runs",
    status: 503,
  },
  APP_NOT_FOUND: { message: "no application '{app}'", remedy: "'outcry apps' lists them", status: 404 },
  COMMAND_UNKNOWN: {
    message: "no command '{name}'",
    remedy: "did you mean '{nearest}'? 'outcry help' lists all",
    status: 400,
  },
  FILE_INVALID: { message: '{path}: {problem}', remedy: 'correct the file and try again', status: 422 },
  FILE_UNREADABLE: {
    message: 'cannot read {path}: {reason}',
    remedy: 'check the path and its permissions; of files that are not needed, list them in .cfignore',
    status: 422,
  },
  MANIFEST_INVALID: {
    message: '{place}: {field}: {problem}',
    remedy: 'correct the manifest; the keys are those of Cloud Foundry',
    status: 422,
  },
  LIFECYCLE_FIXED: {
    message: '{app} runs {was}, and cannot become an application that runs {wanted}',
    remedy: "push under another name, or 'outcry delete {app}' first; nothing was changed",
    status: 422,
  },
  NOT_RUNNING: {
    message: 'no running system is known ({file} cannot be read)',
    remedy: "start one with 'npm start', or set OUTCRY_API and OUTCRY_TOKEN",
    status: 503,
  },
  PACK_FAILED: {
    message: 'cannot pack {path}: {reason}',
    remedy: 'see that the temporary directory {place} can be written and has space (TMPDIR names another)',
    status: 507,
  },
  PERL_UNUSABLE: {
    message: 'the process runtime cannot start its helper in perl: {reason}',
    remedy: "install perl (Debian's perl-base is enough), or see why 'perl -v' fails",
    status: 500,
  },
  PLACEMENT_FAILED: {
    message: 'no cell takes {app}: {reason}',
    remedy: 'ask for less, or add cells; the application is kept, stopped',
    status: 503,
  },
  PORT_IN_USE: {
    message: 'port {port} for the {what} is in use',
    remedy: 'stop what listens there, or leave the option out to have a free port chosen',
    status: 409,
  },
  PUSH_UPLOAD_REFUSED: {
    message: 'the upload was refused: {reason}',
    remedy: 'take it out of the directory, or list it in .cfignore',
    status: 422,
  },
  CLIENT_REFUSED: {
    message: 'the {what} turned away a client at {from}: {reason}',
    remedy: 'give it a certificate of the same authority that has not expired',
    status: 403,
  },
  CERTIFICATE_EXPIRES: {
    message: 'the certificate {path} of the {what} holds until {until}',
    remedy: "renew it ('outcry config init --update', or your own authority) and start the component again",
    status: 500,
  },
  LISTEN_FAILED: {
    message: 'the {what} cannot listen at {place}: {reason}',
    remedy: 'stop what uses that address, or configure another one of this machine',
    status: 500,
  },
  TLS_FILES_INVALID: {
    message: 'the certificate, key or authority of the {what} cannot be used: {reason}',
    remedy: "give PEM files that belong together, as 'outcry config init' writes them",
    status: 422,
  },
  SOCKET_IN_USE: {
    message: 'the socket {path} cannot be made: something else is there',
    remedy: 'stop what listens there, or remove the file if nothing does',
    status: 409,
  },
  START_TIMED_OUT: {
    message: 'the system is not ready after {seconds} s: {lacks} is missing',
    remedy: 'see the logs in {dir}',
    status: 500,
  },
  STAGING_FAILED: {
    message: 'staging {app} failed: {reason}',
    remedy: 'correct it and push again',
    status: 422,
  },
  START_FAILED: {
    message: '{app} does not start: {reason}',
    remedy: "'outcry logs {app} --recent' shows what it printed",
    status: 503,
  },
  TASK_FAILED: {
    message: 'task {task} failed: {reason}',
    remedy: "'outcry logs {app} --recent' shows what it printed",
    status: 500,
  },
  TOKEN_MISSING: {
    message: 'OUTCRY_API is set to {url}, but there is no token',
    remedy: 'set OUTCRY_TOKEN',
    status: 401,
  },
  TOKEN_REFUSED: {
    message: 'the API does not accept this token',
    remedy: 'is another system running there? check OUTCRY_API and OUTCRY_TOKEN',
    status: 401,
  },
  USAGE: { message: '{problem}', remedy: 'usage: outcry {usage} (--help says more)', status: 400 },
  CELL_ID_IN_USE: {
    message: 'another cell holds the id {cellId} (its presence belongs to {holder})',
    remedy: 'give every cell an id of its own; this one takes no work until the other is gone',
    status: 409,
  },
  CELL_ID_INVALID: {
    message: 'a cell cannot be named "{cellId}": {reason}',
    remedy: 'use letters, digits, "_" and "-"',
    status: 422,
  },
  NATS_CERTIFICATE_REFUSED: {
    message: 'the certificate of the NATS server {server} is not trusted: {reason}',
    remedy:
      "use the authority that signed it and an address it names; 'outcry nats-config --update' renews one that has expired",
    status: 502,
  },
  CONFIG_EXISTS: {
    message: '{path} is there already',
    remedy: 'give another directory, --update to add to it, or --force to replace it with new passwords',
    status: 409,
  },
  FILE_UNWRITABLE: {
    message: 'cannot write {path}: {reason}',
    remedy: 'see that the directory can be written and has space',
    status: 500,
  },
  NATS_CREDENTIALS_REFUSED: {
    message: 'the NATS server {server} refuses the user {user} or its password',
    remedy: "give this component its own file of those that 'outcry nats-config' wrote for that server",
    status: 502,
  },
  NATS_FILE_INVALID: {
    message: '{path}: {problem}',
    remedy: "use a file as 'outcry nats-config' writes it",
    status: 422,
  },
  NATS_PERMISSION_DENIED: {
    message: 'the NATS user {user} may not {operation} {subject}',
    remedy:
      "see that this component uses its own user's file, and that the servers run with the present configuration",
    status: 502,
  },
  NATS_SERVER_MISSING: {
    message: 'nats-server is not on PATH',
    remedy: "install it (Debian, Ubuntu: apt-get install nats-server), or run in one process: 'npm start'",
    status: 500,
  },
  NATS_UNREACHABLE: {
    message: 'no connection to the NATS server {server}: {reason}',
    remedy: 'start it, or correct the address; the connection is tried again until it succeeds',
    status: 503,
  },
  OPENSSL_UNUSABLE: {
    message: 'certificates cannot be made: {reason}',
    remedy: 'install openssl, or leave out --tls and put in certificates of your own (docs/operating.md)',
    status: 500,
  },
  ...DOCKER_ERRORS,
  INTERNAL: {
    message: 'unexpected failure: {reason}',
    remedy: 'this is a defect: report it with the log',
    status: 500,
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

export type ErrorDetails = Record<string, string | number>;

const fill = (template: string, details: ErrorDetails): string =>
  template.replace(/\{(\w+)\}/g, (whole, name: string) => String(details[name] ?? whole));

/** An error with a code of the registry. Thrown only where a failure is not an expected outcome, and at the borders. */
export class OutcryError extends Error {
  override readonly name = 'OutcryError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: { cause?: unknown }) {
    super(fill(ERRORS[code].message, details), options);
    this.code = code;
    this.details = details;
  }

  get remedy(): string {
    return fill(ERRORS[this.code].remedy, this.details);
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}
