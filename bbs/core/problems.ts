/** What is wrong with a request, in Diego's words and order. */
export type Problems = string[];

export const field = (name: string): Problems => [`Invalid field: ${name}`];

/** The problems of a part, announced by the part's name; nothing when there are none. */
export const nested = (name: string, inner: Problems): Problems =>
  inner.length === 0 ? [] : [...field(name), ...inner];

/** Names of the fields that are wrong, in the order given. Nearly always there are none, and nothing is made. */
export const problemsIn = <T>(fields: Record<string, T>, isWrong: (value: T) => boolean): Problems => {
  const problems: Problems = [];
  for (const name in fields) if (isWrong(fields[name] as T)) problems.push(...field(name));
  return problems;
};

/** Names of the given fields that are empty. */
export const required = (fields: Record<string, string>): Problems =>
  problemsIn(fields, (value) => value === '');
