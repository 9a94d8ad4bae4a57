/** What is in a stack: the programs and files of this machine that an application may count on. */
export interface StackContents {
  /** must be there; reached as /usr/bin/NAME */
  required: readonly string[];
  /** taken where this machine has them */
  optional: readonly string[];
  /** files and whole directories, at the same place, where this machine has them */
  files: readonly string[];
  /** with npm and npx */
  npm: boolean;
  /** a command of the image's shell that shows that it works; what it prints is told */
  check: string;
}

const words = (text: string): string[] => text.trim().split(/\s+/);

const SHELL_AND_TEXT = words('sh cat cp mv rm ln ls mkdir rmdir chmod chown env grep sed awk find tar gzip');

const COREUTILS = words(`
  [ base64 basename chgrp cksum comm cut date dd df dirname du echo expand expr false fmt fold head id install join
  link md5sum mkfifo mktemp nice nl nohup nproc numfmt od paste pathchk pr printenv printf pwd readlink realpath seq
  sha1sum sha224sum sha256sum sha384sum sha512sum shuf sleep sort split stat stty sum sync tac tail tee test timeout
  touch tr true truncate tsort tty uname unexpand uniq unlink wc who whoami yes`);

const OFTEN_USED = words(`
  bash egrep fgrep xargs diff cmp gunzip zcat bzip2 bunzip2 xz unxz unzip which ps kill getent getconf hostname
  openssl curl wget git git-receive-pack git-upload-pack git-upload-archive ssh`);

/** Certificates, time zones, the linker's own list, and what git is made of; the last is what Debian's Node.js loads. */
const FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/ssl/openssl.cnf',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ld.so.cache',
  '/etc/os-release',
  '/etc/protocols',
  '/etc/services',
  '/usr/lib/locale/C.utf8',
  '/usr/lib/git-core',
  '/usr/libexec/git-core',
  '/usr/share/git-core',
  '/usr/share/zoneinfo',
  '/usr/share/nodejs',
];

/** The default stack: what a push from source needs. */
export const DEFAULT_STACK: StackContents = {
  required: SHELL_AND_TEXT,
  optional: [...COREUTILS, ...OFTEN_USED],
  files: FILES,
  npm: true,
  check: 'node --version && (! command -v npm >/dev/null || npm --version)',
};
