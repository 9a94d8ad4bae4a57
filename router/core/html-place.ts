/** Attributes in which text means nothing but itself. */
const PLAIN_ATTRIBUTE = /^(alt|class|id|title|value|placeholder|(data|aria)-[\w-]+)$/i;

const RAW_TEXT = ['script', 'style'] as const;

const isInside = (html: string, element: string): boolean =>
  html.lastIndexOf(`<${element}`) > html.lastIndexOf(`</${element}`);

/** An opening quote that nothing closes, and the attribute it belongs to. */
const OPEN_ATTRIBUTE = /\s([^\s"'<>/=]+)\s*=\s*(?:"[^"]*|'[^']*)$/;

/**
 * Whether text of others, with its markup escaped, may follow on this HTML: between elements, and in attributes in
 * quotes that are neither addresses nor programs.
 */
export const isSafePlace = (html: string): boolean => {
  if (RAW_TEXT.some((element) => isInside(html.toLowerCase(), element))) return false;
  const tag = /<[a-z!/][^<]*$/i.exec(html)?.[0];
  if (tag === undefined || tag.replace(/"[^"]*"|'[^']*'/g, '').includes('>')) return true;
  const name = OPEN_ATTRIBUTE.exec(tag.replace(/=\s*("[^"]*"|'[^']*')/g, ''))?.[1];
  return name !== undefined && PLAIN_ATTRIBUTE.test(name);
};
