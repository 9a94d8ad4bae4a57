const UNSAFE = /[^A-Za-z0-9-]/g;
const ESCAPED = /_([0-9a-f]{4})/g;
const PREFIX = 'mesos-';

/**
 * The cell that an agent's offers bid as, and as which the rep that lives there reports: one token for both. What may
 * not be in a bus token becomes `_` and four hex digits, so that two agents never share a cell id.
 */
export const cellIdOf = (agentId: string): string =>
  PREFIX + agentId.replace(UNSAFE, (unit) => `_${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The agent whose cell id this is; undefined for the id of any other cell. */
export const agentIdOf = (cellId: string): string | undefined => {
  if (!cellId.startsWith(PREFIX)) return undefined;
  const agentId = cellId
    .slice(PREFIX.length)
    .replace(ESCAPED, (_, unit: string) => String.fromCharCode(Number.parseInt(unit, 16)));
  return cellIdOf(agentId) === cellId ? agentId : undefined;
};
