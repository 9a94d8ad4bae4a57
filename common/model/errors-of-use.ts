import type { ErrorEntry } from './error-entry.js';

/** What people meet who push applications and ask for things. */
export const ERRORS_OF_USE = {
  API_BODY_INVALID: {
    message: 'the request is not valid: {field} {reason}',
    remedy: 'correct that field and send the request again; nothing was changed',
    status: 422,
  },
  API_CERTIFICATE_REFUSED: {
    message: 'the certificate of the API at {url} is not trusted: {reason}',
    remedy:
      "set OUTCRY_CA to the authority's ca.pem, and OUTCRY_API to an address that the certificate names",
    status: 502,
  },
  API_HOST_REFUSED: {
    message: 'this API does not answer to the host name {host}',
    remedy: 'use the address the API was started with, or add the name to its allowed hosts',
    status: 421,
  },
  API_NOT_OUTCRY: {
    message: 'what answers at {url} is not the API: status {status}, {start}',
    remedy: 'set OUTCRY_API to the address that the system printed as its API',
    status: 502,
  },
  API_ORIGIN_REFUSED: {
    message: 'requests from web pages of {origin} are refused',
    remedy: 'call the API from a tool, or add the origin to its allowed origins',
    status: 403,
  },
  API_REFUSED: {
    message: 'the API refused ({status} {title}): {reason}',
    remedy: 'correct what it names and try again',
    status: 422,
  },
  API_TOKEN_REFUSED: {
    message: 'Invalid Auth Token',
    remedy: 'send "Authorization: bearer TOKEN" with the token of the data directory',
    status: 401,
  },
  API_UNREACHABLE: {
    message: 'no answer from the API at {url}: {reason}',
    remedy: "start the system with 'npm start', or set OUTCRY_API to where it runs",
    status: 503,
  },
  APP_DIR_EMPTY: {
    message: 'the directory {path} is empty',
    remedy: 'push a directory that holds the application',
    status: 422,
  },
  APP_NAME_INVALID: {
    message: 'the app name "{name}" is not valid',
    remedy: 'use letters, digits, spaces, ".", "_" and "-", at most 63, a letter or digit first and last',
    status: 422,
  },
  APP_NOT_FOUND: { message: "no application '{app}'", remedy: "'outcry apps' lists them", status: 404 },
  AUCTIONEER_UNAVAILABLE: {
    message: 'no auctioneer answers: {reason}',
    remedy:
      "start one, or wait some seconds for a stand-by to take over, and ask again; of rights on the bus, 'outcry nats-config --update' renews them",
    status: 503,
  },
  AUCTION_UNKNOWN: {
    message: 'no recorded batch has {id}: {reason}',
    remedy:
      "'outcry auction list' shows what is recorded, 'outcry apps' and 'outcry tasks NAME' what there is",
    status: 404,
  },
  BATCH_AMBIGUOUS: {
    message: "several batches begin with '{batch}': {candidates}",
    remedy: 'give more of the id',
    status: 422,
  },
  BATCH_UNKNOWN: {
    message: "no recorded batch '{batch}'",
    remedy:
      "'outcry auction list' shows those that are; the oldest go first, and a new auctioneer begins with none",
    status: 404,
  },
  CELL_NOT_EVACUATED: {
    message: "cell '{cell}' does not empty itself: {reason}",
    remedy: "try again when 'outcry cells' shows that it has started",
    status: 409,
  },
  CELL_UNKNOWN: {
    message: "no cell '{cell}'{nearest}",
    remedy: "'outcry cells' lists them",
    status: 404,
  },
  CELL_UNREACHABLE: {
    message: "cell '{cell}' does not answer: {reason}",
    remedy:
      'see whether its rep runs and is connected to the bus; its own admin listener takes POST /evacuate, too',
    status: 503,
  },
  COMMAND_UNKNOWN: {
    message: "no command '{name}'",
    remedy: "did you mean '{nearest}'? 'outcry help' lists all",
    status: 400,
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
  EVENTS_UNKNOWN: {
    message: "nothing is known to have happened to '{name}'",
    remedy:
      "'outcry apps' and 'outcry tasks NAME' list what there is; of what ended long ago nothing is kept (history_entries of the BBS)",
    status: 404,
  },
  FILE_INVALID: { message: '{path}: {problem}', remedy: 'correct the file and try again', status: 422 },
  FILE_UNREADABLE: {
    message: 'cannot read {path}: {reason}',
    remedy: 'check the path and its permissions; of files that are not needed, list them in .cfignore',
    status: 422,
  },
  IMAGE_CREDENTIALS_UNSUPPORTED: {
    message: 'credentials for the registry of an image are not served yet',
    remedy: 'use an image that anybody may pull, or load it into the engine of every cell',
    status: 422,
  },
  IMAGE_REGISTRY_REFUSED: {
    message:
      'no image is fetched from the registry {registry}: its address {address} is loopback, link-local or of that kind',
    remedy: "use another registry, or have it named in the 'docker.registries' of the cells' configuration",
    status: 403,
  },
  INTERNAL: {
    message: 'unexpected failure: {reason}',
    remedy: 'this is a defect: report it with the log',
    status: 500,
  },
  LIFECYCLE_FIXED: {
    message: '{app} runs {was}, and cannot become an application that runs {wanted}',
    remedy: "push under another name, or 'outcry delete {app}' first; nothing was changed",
    status: 422,
  },
  MANIFEST_INVALID: {
    message: '{place}: {field}: {problem}',
    remedy: 'correct the manifest; the keys are those of Cloud Foundry',
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
  MESOS_BRIDGE_UNAVAILABLE: {
    message: 'no Mesos bridge answers: {reason}',
    remedy:
      "start one ('outcry mesos-bridge --config FILE'), or wait some seconds for a stand-by to take over, and ask again; of rights on the bus, 'outcry nats-config --update' renews them",
    status: 503,
  },
  NOT_RUNNING: {
    message: 'no running system is known ({file} cannot be read)',
    remedy: "start one with 'npm start', or set OUTCRY_API and OUTCRY_TOKEN",
    status: 503,
  },
  NO_START_COMMAND: {
    message: 'no start command for {app}',
    remedy: 'give -c COMMAND, a Procfile with a "web:" line, or a package.json with a "start" script',
    status: 422,
  },
  PACK_FAILED: {
    message: 'cannot pack {path}: {reason}',
    remedy: 'see that the temporary directory {place} can be written and has space (TMPDIR names another)',
    status: 507,
  },
  PATH_NOT_FOUND: {
    message: 'no such directory: {path}',
    remedy: 'give the path of the application directory; a name for the application goes with --name',
    status: 422,
  },
  PLACEMENT_FAILED: {
    message: 'no cell takes {app}: {reason}',
    remedy: 'ask for less, or add cells; the application is kept, stopped',
    status: 503,
  },
  PUSH_UPLOAD_REFUSED: {
    message: 'the upload was refused: {reason}',
    remedy: 'take it out of the directory, or list it in .cfignore',
    status: 422,
  },
  RECORDING_OFF: {
    message: 'the auctioneer records no batches',
    remedy: "give 'recording.size' in its configuration a size, such as 64M, and start it again",
    status: 409,
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
  TASK_NAME_INVALID: {
    message: 'the task name "{name}" is not valid',
    remedy: 'use letters, digits, spaces, ".", "_" and "-", at most 63, a letter or digit first',
    status: 422,
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
  WHAT_IF_UNANSWERED: {
    message: 'what would happen cannot be told: {reason}',
    remedy: "'outcry cells' shows what answers; ask again when it does",
    status: 503,
  },
  ZONE_UNKNOWN: {
    message: "no zone '{zone}'; there are {zones}",
    remedy: "'outcry cells' shows which cells are in which",
    status: 404,
  },
  USAGE: { message: '{problem}', remedy: 'usage: outcry {usage} (--help says more)', status: 400 },
  CELL_ID_IN_USE: {
    message: 'another cell holds the id {cellId} (its presence belongs to {holder})',
    remedy: 'give every cell an id of its own; this one takes no work until the other is gone',
    status: 409,
  },
} as const satisfies Record<string, ErrorEntry>;
