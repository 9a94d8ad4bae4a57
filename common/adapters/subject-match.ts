/** A subject's tokens, or undefined when it is none: empty tokens and white space are not allowed. */
const tokensOf = (subject: string): string[] | undefined => {
  const tokens = subject.split('.');
  return tokens.every((token) => token !== '' && !/\s/.test(token)) ? tokens : undefined;
};

/** A subject that can be published to: well formed and without wildcards. */
export const isSubject = (subject: string): boolean =>
  tokensOf(subject)?.every((token) => token !== '*' && token !== '>') ?? false;

/** A subject that can be subscribed to: `*` stands for one token, `>` (last only) for one or more. */
export const isPattern = (pattern: string): boolean => {
  const tokens = tokensOf(pattern);
  return tokens !== undefined && !tokens.slice(0, -1).includes('>');
};

/** A predicate for the subjects that `pattern` covers. */
export const subjectMatcher = (pattern: string): ((subject: string) => boolean) => {
  if (!/[*>]/.test(pattern)) return (subject) => subject === pattern;
  const wanted = pattern.split('.');
  const open = wanted.at(-1) === '>';
  const fixed = open ? wanted.slice(0, -1) : wanted;
  return (subject) => {
    const tokens = subject.split('.');
    if (open ? tokens.length <= fixed.length : tokens.length !== fixed.length) return false;
    return fixed.every((token, at) => token === '*' || token === tokens[at]);
  };
};
