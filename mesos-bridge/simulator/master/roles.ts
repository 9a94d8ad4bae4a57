/** Whitespace and DEL, which no part of a role may contain. */
const FORBIDDEN = /[\s\u007f]/;

const componentProblem = (role: string, component: string): string | undefined => {
  if (component === '.' || component === '..' || component === '*')
    return `Role '${role}' cannot include '${component}' as a component`;
  if (component.startsWith('-'))
    return `Role component '${component}' is invalid because it starts with a dash`;
  return FORBIDDEN.test(component)
    ? `Role component '${component}' is invalid because it contains backspace or whitespace`
    : undefined;
};

/** What is wrong with a role's name, in the words of Mesos. */
export const roleProblem = (role: string): string | undefined => {
  if (role === '') return 'Role names cannot be the empty string';
  if (role === '*') return undefined;
  if (role.startsWith('/')) return `Role '${role}' cannot start with a slash`;
  if (role.endsWith('/')) return `Role '${role}' cannot end with a slash`;
  if (role.includes('//')) return `Role '${role}' cannot contain two adjacent slashes`;
  for (const component of role.split('/')) {
    const problem = componentProblem(role, component);
    if (problem !== undefined) return problem;
  }
  return undefined;
};

/** A reservation for a role serves that role and those below it. */
export const isWithin = (role: string, reservedFor: string): boolean =>
  role === reservedFor || role.startsWith(`${reservedFor}/`);

const FORBIDDEN_IN_ID = /[\p{Cc}/\\]/u;

/** What is wrong with the id of a task, executor, framework or volume, in the words of Mesos. */
export const idProblem = (id: string): string | undefined => {
  if (id === '') return 'ID must not be empty';
  if (id.length > 255) return 'ID must not be greater than 255 characters';
  if (id === '.' || id === '..') return `'${id}' is disallowed`;
  return FORBIDDEN_IN_ID.test(id) ? `'${id}' contains invalid characters` : undefined;
};
