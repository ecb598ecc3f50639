// What is never sent to an ensemble that a server of Apache's may lead: requests after which Apache's leader tells its
// followers something that is not so. Alone both servers get them, and an ensemble that Corral leads for good gets everything.

import { operations } from './operations.mjs';

const damage = ['cut', 'raw', 'patch', 'tail', 'open'];
/** The flags that say the same as the operation. */
const agreeing = { create: [0, 1, 2, 3], create2: [0, 1, 2, 3], createContainer: [4], createTtl: [5, 6] };
const known = new Set([0, 1, 2, 3, 4, 5, 6]);

const isSenseless = ([, scheme, id]) => id === null && scheme !== null && scheme !== 'auth';
const makesSense = ({ op, path, acl }) =>
  op !== 'multi' && op !== 'getData' && path !== null && !acl?.some(isSenseless);

const isLimits = ({ op, path }) =>
  operations[op]?.write && typeof path === 'string' && path.endsWith('/zookeeper_limits');
const areLimits = (data) => /^(\w+=-?\d{1,18}=?[,;]?)+$/.test(data ?? '');

/** [what, why, how a step is rewritten]. */
export const withheldFromApacheLeaders = [
  [
    'a write that cannot be decoded, and a multi that is not whole or has parts that make no sense',
    "Apache's leader logs an error under the zxid of the transaction before it, after which all writes of Apache's servers " +
      'hang; or it keeps what earlier parts would have changed, and tells a digest of that',
    (step) => {
      if (!operations[step.op]?.write) return step;
      const whole = Object.fromEntries(Object.entries(step).filter(([key]) => !damage.includes(key)));
      if (step.op === 'multi') whole.parts = step.parts.filter(makesSense);
      return whole;
    },
  ],
  [
    'limits of a quota that are no numbers',
    "Apache's leader fails the writes below after it has counted them into the digest that it tells",
    (step) => (isLimits(step) && !areLimits(step.data) ? { ...step, data: 'count=-1,bytes=-1' } : step),
  ],
  [
    'a write to the root',
    "Apache's leader knows the root by two names, and tells a digest without what is under way below the other one",
    (step) => (step.path === '/' && operations[step.op]?.write ? { ...step, path: '~' } : step),
  ],
  [
    'a create whose flags name another kind of node than its operation',
    "Apache's leader tells a digest of another node than the one it makes, and finds its own tree wrong itself",
    (step) => {
      const flags = agreeing[step.op];
      if (!flags || flags.includes(step.flags) || !known.has(step.flags)) return step;
      const ttl = step.op === 'createTtl' ? { ttl: Math.max(1, Math.min(step.ttl, 1000)) } : {};
      return { ...step, ...ttl, flags: flags[0] };
    },
  ],
];

/** The steps, also those inside multis and bursts, with everything of the table rewritten. */
export function forApacheLeaders(steps) {
  return steps.map((step) => {
    const plain = withheldFromApacheLeaders.reduce((last, [, , rewrite]) => rewrite(last), step);
    const inner = Object.entries(plain).filter(([key]) => key === 'parts' || key === 'steps');
    return { ...plain, ...Object.fromEntries(inner.map(([key, list]) => [key, forApacheLeaders(list)])) };
  });
}
