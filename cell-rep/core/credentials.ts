/** Port: who a container is to others, as a certificate and its key. */

/** Where Diego puts them. */
export const CREDENTIALS_ROOT = '/etc/cf-instance-credentials';
export const CERTIFICATE_FILE = 'instance.crt';
export const KEY_FILE = 'instance.key';

export interface CredentialSubject {
  /** instance guid or task guid: the common name, and a name at which it answers */
  guid: string;
  /** of the desired LRP or the task: `app:…`, `space:…`, `organization:…` */
  organizationalUnits: readonly string[];
  /** of the container; names are left out */
  addresses: readonly string[];
}

export interface Credentials {
  /** PEM: the instance's own, then that of its authority */
  certificate: string;
  /** PEM */
  key: string;
  /** ms since the epoch */
  validUntil: number;
}

export type IssueResult = { ok: true; credentials: Credentials } | { ok: false; reason: string };

export interface CredentialIssuer {
  /** ms */
  readonly validityMs: number;
  issue(subject: CredentialSubject): Promise<IssueResult>;
}

const HOUR_MS = 3_600_000;

/** ms before the end at which credentials are made anew, as in Diego. */
export const renewalLeadMs = (validityMs: number): number =>
  validityMs > 4 * HOUR_MS ? HOUR_MS / 2 : validityMs / 8;

/** ms between looks whether that time has come; no timer is set for it, since clocks may be put right meanwhile */
export const lookEveryMs = (validityMs: number): number => Math.min(60_000, validityMs / 32);

/** Variables by which applications find them. */
export const credentialVariables = (): Record<string, string> => ({
  CF_INSTANCE_CERT: `${CREDENTIALS_ROOT}/${CERTIFICATE_FILE}`,
  CF_INSTANCE_KEY: `${CREDENTIALS_ROOT}/${KEY_FILE}`,
});
