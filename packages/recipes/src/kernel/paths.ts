// Paths as clients see them.

export const join = (dir: string, name: string): string => (dir === '/' ? `/${name}` : `${dir}/${name}`);
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

/** A name as one step of a path. Throws a RangeError when it would be none, or several. */
export function childName(what: string, name: string): string {
  if (typeof name === 'string' && name !== '' && name !== '.' && name !== '..' && !name.includes('/')) return name;
  throw new RangeError(`${what} is the name of a node: not empty, without '/', and not ${JSON.stringify(name)}`);
}
