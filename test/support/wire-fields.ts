/** One field as it stands on the wire, without any knowledge of its message. */
export interface RawField {
  readonly id: number;
  readonly wireType: number;
  /** a varint's value, or the bytes in hex */
  readonly content: bigint | string;
}

/** Takes a message apart at its top level: varints and length-delimited fields, all that our messages use. */
export const rawFields = (bytes: Uint8Array): RawField[] => {
  const fields: RawField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('truncated varint');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const field = { id: tag >>> 3, wireType: tag & 7 };
    const value = varint();
    if (field.wireType === 0) fields.push({ ...field, content: value });
    else {
      const end = at + Number(value);
      if (field.wireType !== 2 || end > bytes.length) throw new Error('not a plain message');
      fields.push({ ...field, content: Buffer.from(bytes.subarray(at, end)).toString('hex') });
      at = end;
    }
  }
  return fields;
};
