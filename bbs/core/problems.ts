/** What is wrong with a request, in Diego's words and order. */
export type Problems = string[];

export const field = (name: string): Problems => [`Invalid field: ${name}`];

/** The problems of a part, announced by the part's name; nothing when there are none. */
export const nested = (name: string, inner: Problems): Problems =>
  inner.length === 0 ? [] : [...field(name), ...inner];

/** Names of the given fields that are empty. */
export const required = (fields: Record<string, string>): Problems =>
  Object.entries(fields).flatMap(([name, value]) => (value === '' ? field(name) : []));
