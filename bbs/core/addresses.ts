const OCTET = /^(0|[1-9]\d{0,2})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;

const isIpv4 = (text: string): boolean => {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => OCTET.test(part) && Number(part) <= 255);
};

/** How many 16-bit groups a colon-separated run stands for; undefined when it is none. */
const groups = (run: string, mayEndInIpv4: boolean): number | undefined => {
  if (run === '') return 0;
  const parts = run.split(':');
  const last = parts[parts.length - 1] ?? '';
  const embedded = mayEndInIpv4 && isIpv4(last);
  const plain = embedded ? parts.slice(0, -1) : parts;
  return plain.every((part) => GROUP.test(part)) ? plain.length + (embedded ? 2 : 0) : undefined;
};

const isIpv6 = (text: string): boolean => {
  const halves = text.split('::');
  if (halves.length > 2 || !text.includes(':')) return false;
  const [head = '', tail] = halves;
  const before = groups(head, tail === undefined);
  const after = groups(tail ?? '', true);
  if (before === undefined || after === undefined) return false;
  return tail === undefined ? before === 8 : before + after < 8;
};

export const isIp = (text: string): boolean => isIpv4(text) || isIpv6(text);

export const isCidr = (text: string): boolean => {
  const [address = '', bits = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false;
  return (isIpv4(address) && Number(bits) <= 32) || (isIpv6(address) && Number(bits) <= 128);
};
