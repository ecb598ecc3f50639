// The options of every method. They are looked at with each call: a misspelt `version` would overwrite what somebody else
// has written, and a number in the place of the options would count for nothing.

import { checkOptions, kinds } from './check-options.ts';
import type { OptionCheck } from './check-options.ts';

type Checks = Readonly<Record<string, OptionCheck>>;

const call: Checks = {
  signal: kinds.signal,
  timeout: kinds.limit,
  pin: kinds.either(kinds.just(false), kinds.bigint),
};
const watch: Checks = { watch: kinds.callback };
const versioned: Checks = { version: kinds.version };
const repeated: Checks = { idempotent: kinds.boolean };
const parents: Checks = { parents: kinds.oneOf('container', 'persistent'), parentsAcl: kinds.acl };
/** What stands in `mode` and `ttl` is looked at where the request is made. */
const made: Checks = { acl: kinds.acl, mode: kinds.anything, ttl: kinds.anything };

const known = {
  connect: { signal: kinds.signal, timeout: kinds.limit, failFast: kinds.boolean },
  rtt: call,
  close: { ...call, drain: kinds.boolean },
  scope: { callTimeout: kinds.limit, idempotent: kinds.boolean },
  get: { ...call, ...watch, codec: kinds.decoder },
  getText: { ...call, ...watch },
  exists: { ...call, ...watch },
  children: { ...call, ...watch },
  getAcl: call,
  sync: call,
  ephemerals: call,
  countDescendants: call,
  whoAmI: call,
  create: { ...call, ...made, ...parents, protected: kinds.boolean },
  set: { ...call, ...versioned, ...repeated },
  put: { ...call, ...repeated, ...parents, acl: kinds.acl },
  ensurePath: { ...call, acl: kinds.acl, mode: kinds.oneOf('container', 'persistent') },
  update: { ...call, attempts: kinds.count },
  delete: { ...call, ...versioned, ...repeated },
  deleteTree: call,
  setAcl: { ...call, ...versioned },
  changed: call,
  watch: { signal: kinds.signal, recursive: kinds.boolean, coalesce: kinds.boolean, bufferMax: kinds.count },
  addWatch: { ...call, mode: kinds.oneOf('persistent', 'persistentRecursive'), listener: kinds.callback },
  removeWatches: {
    ...call,
    kind: kinds.oneOf('data', 'children', 'any', 'persistent', 'persistentRecursive'),
  },
  getConfig: { ...call, ...watch },
  reconfig: call,
  commit: call,
  'multi.create': made,
  'multi.set': versioned,
  'multi.delete': versioned,
} satisfies Readonly<Record<string, Checks>>;

/** Throws a TypeError, or a RangeError, that names the first option that will not do. */
export const checkMethod = (method: keyof typeof known, options: object): void =>
  checkOptions(method, options, known[method]);

/** The same for what a call cannot do without. */
export function checkNeeded(method: keyof typeof known, options: object, ...names: readonly string[]): void {
  checkMethod(method, options);
  const missing = names.find((name) => (options as Record<string, unknown>)[name] === undefined);
  if (missing !== undefined) throw new TypeError(`${method} needs the option "${missing}"`);
}
