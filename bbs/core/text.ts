const LIMIT_BYTES = 1024;
const SUFFIX = '(truncated)';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const byteLength = (text: string): number => encoder.encode(text).length;

/** Whether texts are more than `limit` bytes of UTF-8 together: three per UTF-16 unit at most, so that few are encoded. */
export const isLonger = (texts: readonly string[], limit: number): boolean =>
  texts.reduce((sum, text) => sum + text.length, 0) * 3 > limit &&
  texts.reduce((sum, text) => sum + byteLength(text), 0) > limit;

/** Reasons of 1024 bytes or more are cut to at most 1024 that end in `(truncated)`, never within a character. */
export const truncated = (text: string): string => {
  // three bytes per UTF-16 unit at most, so short texts need no encoding
  if (text.length * 3 < LIMIT_BYTES) return text;
  const bytes = encoder.encode(text);
  if (bytes.length < LIMIT_BYTES) return text;
  let end = LIMIT_BYTES - SUFFIX.length;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return decoder.decode(bytes.subarray(0, end)) + SUFFIX;
};

/** Not empty and nothing in it that cannot be seen or stored: what names a row. */
export const isName = (text: string): boolean => text !== '' && !/[\p{Cc}\p{Cs}]/u.test(text);
