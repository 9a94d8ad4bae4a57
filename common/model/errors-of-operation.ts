import type { ErrorEntry } from './error-entry.js';

/** What people meet who run the platform: machines, files, networks, engines. */
export const ERRORS_OF_OPERATION = {
  API_PORT_IN_USE: {
    message: 'the API cannot listen on {address}: {reason}',
    remedy: 'stop what uses that address, or choose another one',
    status: 500,
  },
  BBS_CERTIFICATE_REFUSED: {
    message: 'the certificate of the bulletin board, or the own one, is not trusted: {reason}',
    remedy: 'give both sides certificates of one authority, that name the address, and have not expired',
    status: 502,
  },
  BOARD_NOT_EMPTY: {
    message: 'the bulletin board in {path} is not empty: it has {what}',
    remedy: 'give --force to put the dump in its place, after another dump of what is there',
    status: 409,
  },
  BOARD_UNKNOWN: {
    message: 'there is no bulletin board at {path}: none answers, and there is no data file',
    remedy:
      "name the configuration of the BBS with --config FILE, or the directory of 'outcry up' with --data DIR",
    status: 404,
  },
  CELL_CORES_MISSING: {
    message: "docker.cpu_cores names {cores}, and the engine's machine has cores 0 to {last}",
    remedy: 'name cores that are there, or leave docker.cpu_cores out: work then has weights alone',
    status: 422,
  },
  CELL_ID_INVALID: {
    message: 'a cell cannot be named "{cellId}": {reason}',
    remedy: 'use letters, digits, "_" and "-"',
    status: 422,
  },
  CERTIFICATE_EXPIRES: {
    message: 'the certificate {path} of the {what} holds until {until}',
    remedy:
      "renew it ('outcry config init --update', or your own authority) and have the component read it again: kill -HUP",
    status: 500,
  },
  CLIENT_REFUSED: {
    message: 'the {what} turned away a client at {from}: {reason}',
    remedy: 'give it a certificate of the same authority that has not expired',
    status: 403,
  },
  CLIENT_ROLE_REFUSED: {
    message:
      'the {what} does not let in {client} at {from}: the role (OU) of its certificate is {role}, and those let in are {clients}',
    remedy:
      "give it its own component's certificate, as 'outcry config init' makes it; or name its role in the 'clients' of that listener's tls",
    status: 403,
  },
  CONFIG_EXISTS: {
    message: '{path} is there already',
    remedy: 'give another directory, --update to add to it, or --force to replace it with new passwords',
    status: 409,
  },
  CONFIG_INVALID: {
    message: 'configuration: {problem}',
    remedy: 'correct that field; docs/reference/configuration.md lists them all',
    status: 422,
  },
  CONFIG_OF_ANOTHER_COMPONENT: {
    message: '{path} configures the component {found}, not {wanted}',
    remedy: "start it with 'outcry {found} --config {path}', or give {wanted} a file of its own",
    status: 422,
  },
  CONFIG_UNREADABLE: {
    message: 'the configuration {path} cannot be read: {reason}',
    remedy: "check the path and its permissions; 'outcry config init' writes such files",
    status: 422,
  },
  DATA_DIR_LOCKED: {
    message: 'the data directory {path} is in use by process {pid} ({command}), started {startedAt}',
    remedy: 'stop that process first, or name another directory with {setting}',
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
    remedy: 'make it a directory that you own and may read and write, or name another with {setting}',
    status: 500,
  },
  DOCKER_DENIED: {
    message: 'this user may not use the Docker engine at {where}',
    remedy: 'join the group that owns the socket (docker) and log in again, or run as root',
    status: 403,
  },
  DOCKER_ENGINE_REMOTE: {
    message: 'the Docker engine at {where} is on another machine: containers there are not reached from here',
    remedy: 'name an engine of this machine with DOCKER_HOST, or leave it out; or take --runtime process',
    status: 422,
  },
  CREDENTIALS_INVALID: {
    message: '{path} holds no credentials: {reason}',
    remedy: 'write {"user": "…", "pass": "…"} into it, or remove it: the next start makes another one',
    status: 500,
  },
  DOCKER_HOST_INVALID: {
    message: 'the Docker engine "{engine}" cannot be used: {reason}',
    remedy: 'correct DOCKER_HOST or --engine, or leave it out for /var/run/docker.sock',
    status: 422,
  },
  DOCKER_UNREACHABLE: {
    message: 'no Docker engine answers at {where}: {reason}',
    remedy:
      'start Docker, or name where it answers with DOCKER_HOST; what runs in containers is left as it is',
    status: 503,
  },
  ENGINES_UNREADABLE: {
    message:
      'the Docker engines that this data directory has used cannot be read, {path} is what was there: {reason}',
    remedy:
      "where another engine than today's was used, look there for containers of earlier starts ('docker ps') and remove them",
    status: 500,
  },
  DROPLET_STORE_REFUSED: {
    message: "the certificate of the droplet store, or the cell's own, is not trusted: {reason}",
    remedy: 'give both sides certificates of one authority, that name the address, and have not expired',
    status: 502,
  },
  DUMP_INVALID: {
    message: '{path}:{line}: this line {problem}',
    remedy: 'correct it, or take another dump; nothing was changed',
    status: 422,
  },
  ENROLMENT_MALFORMED: {
    message: 'a request from {address} is no enrolment of an executor',
    remedy: "'outcry cell --mesos' makes such requests; nothing else belongs there",
    status: 400,
  },
  ENROLMENT_PORT_IN_USE: {
    message: 'the bridge cannot listen for executors at {address}: {reason}',
    remedy: "free that port, or choose another in 'enrolment' of the bridge's configuration",
    status: 409,
  },
  ENROLMENT_REFUSED: {
    message: 'the executor {executor} is not enrolled: {reason}',
    remedy:
      'a token is good once, for the executor that was launched with it: the bridge launches another when it needs one',
    status: 403,
  },
  ENROLMENT_UNREADY: {
    message: 'the executor {executor} cannot be enrolled yet',
    remedy: 'the bridge is starting; the executor asks again by itself',
    status: 503,
  },
  EVENT_SUBSCRIBERS_FULL: {
    message: 'the bulletin board sends its events to {limit} subscribers already, and takes no more',
    remedy: "end those that nobody needs, or raise 'event_subscribers' of the bbs; then subscribe again",
    status: 503,
  },
  EVENT_SUBSCRIBER_TOO_SLOW: {
    message: 'a subscriber of {route} was cut off: {events} events ({bytes} bytes) waited for it to read',
    remedy:
      "see what keeps it from reading; it may subscribe again and read the state, or raise 'event_buffer' and 'event_buffer_bytes' of the bbs",
    status: 503,
  },
  EXECUTOR_ENVIRONMENT_INVALID: {
    message: 'this is not the environment of an executor: {problem}',
    remedy:
      "'outcry cell --mesos' is started by a Mesos agent, with what the bridge gives it; see docs/operating.md",
    status: 422,
  },
  EXECUTOR_PLACE_UNSAFE: {
    message: "the directory {path} is no place for an executor's secrets: {reason}",
    remedy: 'remove it, or name another directory in OUTCRY_EXECUTOR_DATA_DIR',
    status: 500,
  },
  FILE_UNWRITABLE: {
    message: 'cannot write {path}: {reason}',
    remedy: 'see that its directory is there, can be written, and has space',
    status: 500,
  },
  INSTANCE_AUTHORITY_UNUSABLE: {
    message: '{path} cannot sign the certificates of instances: {reason}',
    remedy:
      'name the certificate of an authority in instance_identity_ca_path and its private key, RSA or EC without a passphrase, in instance_identity_private_key_path',
    status: 500,
  },
  LISTEN_FAILED: {
    message: 'the {what} cannot listen at {place}: {reason}',
    remedy: 'correct what is named: stop what is there, or configure another place on this machine',
    status: 500,
  },
  NATS_CERTIFICATE_REFUSED: {
    message: 'the certificate of the NATS server {server} is not trusted: {reason}',
    remedy:
      "use the authority that signed it and an address it names; 'outcry nats-config --update' renews one that has expired",
    status: 502,
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
  PERL_UNUSABLE: {
    message: 'the process runtime cannot start its helper in perl: {reason}',
    remedy: "install perl (Debian's perl-base is enough), or see why 'perl -v' fails",
    status: 500,
  },
  POLICY_MODULE_INVALID: {
    message: 'the policy module {path} cannot be used: {reason}',
    remedy: 'export a function score(cell, work) from it; docs/auction.md shows one',
    status: 422,
  },
  PORT_IN_USE: {
    message: 'port {port} for the {what} is in use',
    remedy: 'stop what listens there, or leave the option out to have a free port chosen',
    status: 409,
  },
  SOCKET_IN_USE: {
    message: 'the socket {path} cannot be made: something else is there',
    remedy: 'stop what listens there, or remove the file if nothing does',
    status: 409,
  },
  STACK_BUILD_FAILED: {
    message: 'the stack image was not made: {reason}',
    remedy: 'correct what is named and build it again; nothing was left in the engine',
    status: 500,
  },
  STACK_HOST_UNUSABLE: {
    message: 'no stack image can be made here: {reason}',
    remedy:
      'install what is missing, or build it on a Linux machine and bring it over by docker save and load',
    status: 500,
  },
  STACK_IMAGE_MISSING: {
    message: 'the Docker engine at {where} has no stack image {image}',
    remedy: "make one with 'npx outcry stack build', or take --runtime process",
    status: 503,
  },
  STACK_NAME_INVALID: {
    message: 'an image cannot be named "{name}"',
    remedy: 'use lower-case letters, digits, ".", "_", "-" and "/", and a tag after ":"',
    status: 422,
  },
  START_TIMED_OUT: {
    message: 'the system is not ready after {seconds} s: {lacks} is missing',
    remedy: 'see the logs in {dir}',
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
    remedy: 'free space on that disk: it goes on by itself then; nothing was changed, and reads go on',
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
  STORE_READ_ONLY: {
    message: 'the data file {path} cannot be written: {reason}',
    remedy: 'make the file, its directory and its file system writable; nothing was changed, and reads go on',
    status: 500,
  },
  STORE_UNREADABLE: {
    message: 'the data file {path} cannot be used: {reason}',
    remedy: 'check the disk and the permissions of the file, then start again',
    status: 500,
  },
  TASK_CALLBACK_FAILED: {
    message: 'the outcome of the task {task} could not be told to {url}: {reason}',
    remedy:
      "see that it answers there; a host at a loopback or link-local address has to be named in the 'task_callback_hosts' of the BBS's configuration",
    status: 502,
  },
  TLS_FILES_INVALID: {
    message: 'the certificate, key or authority of the {what} cannot be used: {reason}',
    remedy: "give PEM files that belong together, as 'outcry config init' writes them",
    status: 422,
  },
} as const satisfies Record<string, ErrorEntry>;
