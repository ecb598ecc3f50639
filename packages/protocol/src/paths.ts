// Path rules (section 9 of ZooKeeper's behaviour): full validation for names that are about to exist, and the cuts that
// every operation makes. Paths are compared by code unit; they are never normalised.

/** Why a path is invalid, or undefined for a valid one. The root alone may end with a slash. */
export function pathProblem(path: string): string | undefined {
  if (path.length === 0) return 'a path must not be empty';
  if (path.charCodeAt(0) !== slash) return 'a path must start with /';
  if (path.length === 1) return undefined;
  if (path.charCodeAt(path.length - 1) === slash) return 'a path must not end with /';
  return elementProblem(path);
}

const slash = 47;
const dot = 46;

function elementProblem(path: string): string | undefined {
  let elementStart = 1;
  for (let at = 1; at <= path.length; at++) {
    const unit = at === path.length ? slash : path.charCodeAt(at);
    if (unit === slash) {
      const length = at - elementStart;
      if (length === 0) return `empty element at ${at}`;
      const dots = length <= 2 && path.charCodeAt(elementStart) === dot && path.charCodeAt(at - 1) === dot;
      if (dots) return 'relative elements (. and ..) are not allowed';
      elementStart = at + 1;
    } else if (isForbidden(unit)) return `invalid character U+${unit.toString(16).padStart(4, '0')} at ${at}`;
  }
  return undefined;
}

/** Control characters, surrogates, private use and the specials at the end of the plane. */
function isForbidden(unit: number): boolean {
  if (unit < 0x80) return unit < 0x20 || unit === 0x7f;
  return unit <= 0x9f || (unit >= 0xd800 && unit <= 0xf8ff) || unit >= 0xfff0;
}

export const isValidPath = (path: string): boolean => pathProblem(path) === undefined;

/** Path of the parent: `/` for a child of the root. The path must hold a slash. */
export function parentPath(path: string): string {
  const cut = path.lastIndexOf('/');
  return cut <= 0 ? '/' : path.slice(0, cut);
}

/** The last element. */
export const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Ten digits, or a minus sign and ten digits once the counter has wrapped. */
export function sequenceSuffix(counter: number): string {
  const digits = String(Math.abs(counter));
  return counter < 0 ? `-${digits.padStart(9, '0')}` : digits.padStart(10, '0');
}

/** Nodes that the server itself relies on; they cannot be deleted. */
export const systemPaths = {
  root: '/',
  zookeeper: '/zookeeper',
  config: '/zookeeper/config',
  quota: '/zookeeper/quota',
} as const;
export const quotaLimitsName = 'zookeeper_limits';
export const quotaStatsName = 'zookeeper_stats';
