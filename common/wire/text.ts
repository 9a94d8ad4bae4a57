/** Node ≥ 20 has these; the library types of ES2023 do not yet. */
type Checked = string & { isWellFormed(): boolean; toWellFormed(): string };

/**
 * Text that UTF-8 can say: lone surrogates (an emoji cut in half) become U+FFFD, as Go does. One such
 * string written as it is would make the whole message unreadable.
 */
export const wellFormed = (text: string): string =>
  (text as Checked).isWellFormed() ? text : (text as Checked).toWellFormed();
