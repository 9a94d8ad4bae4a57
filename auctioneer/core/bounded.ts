/** How many of a list are left out when no more than `most` are told. */
export const beyond = (list: readonly unknown[], most: number): number => Math.max(0, list.length - most);
