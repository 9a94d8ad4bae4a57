/** Certificates of instances, as Diego's rep makes them (RFC 5280). */
import { createHash, sign } from 'node:crypto';
import type { KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { CredentialSubject } from '../core/credentials.js';
import {
  bits,
  elementsOf,
  integer,
  isTrue,
  nothing,
  octets,
  oid,
  sequence,
  setOf,
  tagged,
  time,
  utf8,
} from './der.js';
import type { Element, Oid } from './der.js';

const COMMON_NAME: Oid = [2, 5, 4, 3];
const ORGANIZATIONAL_UNIT: Oid = [2, 5, 4, 11];
const SUBJECT_KEY_ID: Oid = [2, 5, 29, 14];
const KEY_USAGE: Oid = [2, 5, 29, 15];
const ALTERNATIVE_NAMES: Oid = [2, 5, 29, 17];
const BASIC_CONSTRAINTS: Oid = [2, 5, 29, 19];
const AUTHORITY_KEY_ID: Oid = [2, 5, 29, 35];
const EXTENDED_KEY_USAGE: Oid = [2, 5, 29, 37];
const SERVER_AUTH: Oid = [1, 3, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: Oid = [1, 3, 6, 1, 5, 5, 7, 3, 2];
const RSA_WITH_SHA256: Oid = [1, 2, 840, 113549, 1, 1, 11];
const ECDSA_WITH_SHA256: Oid = [1, 2, 840, 10045, 4, 3, 2];

/** digital signature, key encipherment, key agreement: bits 0, 2 and 4 */
const USAGES = Buffer.from([0b1010_1000]);
const UNUSED_USAGES = 3;
const VERSION_3 = Buffer.from([2]);

export interface Authority {
  certificate: X509Certificate;
  key: KeyObject;
}

export interface CertificateParts extends CredentialSubject {
  /** the subject's */
  publicKey: KeyObject;
  /** 16 bytes that no other certificate of this authority has */
  serial: Uint8Array;
  /** ms since the epoch */
  notBefore: number;
  notAfter: number;
}

const algorithmOf = (key: KeyObject): Buffer =>
  key.asymmetricKeyType === 'rsa'
    ? sequence(oid(RSA_WITH_SHA256), nothing())
    : sequence(oid(ECDSA_WITH_SHA256));

const relativeName = (type: Oid, value: string): Buffer => setOf(sequence(oid(type), utf8(value)));

const addressBytes = (address: string): Buffer => {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // as URLs write it, an address has no dotted part; the gap is what is missing to eight groups
  const plain = new URL(`http://[${address.replace(/%.*/, '')}]`).hostname.slice(1, -1);
  const [head = '', tail] = plain.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const after = groups(tail ?? '');
  const before = groups(head);
  const gap = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const all = [...before, ...gap, ...after].map((group) => parseInt(group, 16));
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
};

const alternativeNames = ({ guid, addresses }: CertificateParts): Buffer => {
  const dns = tagged(0x82, Buffer.from(guid, 'latin1'));
  const ips = addresses.filter((one) => isIP(one) !== 0).map((one) => tagged(0x87, addressBytes(one)));
  return sequence(dns, ...ips);
};

const extension = (id: Oid, value: Buffer, critical = false): Buffer =>
  sequence(oid(id), ...(critical ? [isTrue()] : []), octets(value));

/** Of a certificate: what it says of its subject, and by which number it knows its key, if it tells. */
const authorityNames = ({ raw }: X509Certificate): { subject: Buffer; keyId: Buffer | undefined } => {
  const [whole] = elementsOf(raw);
  const [signed] = elementsOf(whole?.content ?? Buffer.alloc(0));
  const parts = elementsOf(signed?.content ?? Buffer.alloc(0));
  const at = parts[0]?.tag === 0xa0 ? 5 : 4; // the version is not always there
  const subject = parts[at]?.whole;
  if (!subject) throw new RangeError('it has no subject');
  const all = parts.find(({ tag }) => tag === 0xa3);
  const [list] = elementsOf(all?.content ?? Buffer.alloc(0));
  return { subject, keyId: keyIdOf(elementsOf(list?.content ?? Buffer.alloc(0))) };
};

const keyIdOf = (extensions: readonly Element[]): Buffer | undefined => {
  const wanted = oid(SUBJECT_KEY_ID);
  const found = extensions.map(({ content }) => elementsOf(content)).find(([id]) => id?.whole.equals(wanted));
  const [value] = elementsOf(found?.at(-1)?.content ?? Buffer.alloc(0));
  return value?.content;
};

const extensionsOf = (
  parts: CertificateParts,
  publicKey: Buffer,
  authorityKeyId: Buffer | undefined,
): Buffer =>
  sequence(
    extension(KEY_USAGE, bits(USAGES, UNUSED_USAGES), true),
    extension(EXTENDED_KEY_USAGE, sequence(oid(CLIENT_AUTH), oid(SERVER_AUTH))),
    extension(BASIC_CONSTRAINTS, sequence(), true),
    extension(SUBJECT_KEY_ID, octets(createHash('sha1').update(publicKey).digest())),
    ...(authorityKeyId ? [extension(AUTHORITY_KEY_ID, sequence(tagged(0x80, authorityKeyId)))] : []),
    extension(ALTERNATIVE_NAMES, alternativeNames(parts)),
  );

/** PEM. Throws when the authority's certificate or key is none that can sign. */
export const makeCertificate = (parts: CertificateParts, authority: Authority): string => {
  const { subject: issuer, keyId } = authorityNames(authority.certificate);
  const algorithm = algorithmOf(authority.key);
  const publicKey = parts.publicKey.export({ type: 'spki', format: 'der' });
  const units = parts.organizationalUnits.map((unit) => relativeName(ORGANIZATIONAL_UNIT, unit));
  const signed = sequence(
    tagged(0xa0, integer(VERSION_3)),
    integer(parts.serial),
    algorithm,
    issuer,
    sequence(time(parts.notBefore), time(parts.notAfter)),
    sequence(...units, relativeName(COMMON_NAME, parts.guid)),
    publicKey,
    tagged(0xa3, extensionsOf(parts, publicKey, keyId)),
  );
  const whole = sequence(signed, algorithm, bits(sign('sha256', signed, authority.key)));
  const text = whole.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
};
