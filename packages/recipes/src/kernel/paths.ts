// Paths as clients see them.

export const join = (dir: string, name: string): string => (dir === '/' ? `/${name}` : `${dir}/${name}`);
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
