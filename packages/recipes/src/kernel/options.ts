// Options of recipes. Without types a misspelt one would be believed and missed when it matters: a lock that was given a
// `timeout` would wait for ever. What each recipe knows is one table, which the compiler keeps complete.

import { checkOptions, kinds } from '@corral/client';
import type { Client, OptionCheck } from '@corral/client';
import type { HoldOptions } from './hold.ts';
import type { IdentityOptions } from './identity.ts';
import type { LineOptions } from './line.ts';
import type { AclOption, CallSignal } from './parents.ts';

/** A check for every option that there is. */
export type Checks<O> = { readonly [K in keyof Required<O>]: OptionCheck };

export const aclChecks: Checks<AclOption> = { acl: kinds.acl };
export const holdChecks: Checks<HoldOptions> = { onSuspend: kinds.oneOf('lose', 'keep') };
const identityChecks: Checks<IdentityOptions> = { id: kinds.text, data: kinds.anything };
export const lineChecks: Checks<LineOptions> = { ...aclChecks, ...holdChecks, ...identityChecks };
export const signalChecks: Checks<CallSignal> = { signal: kinds.signal };
export const namesCheck = kinds.oneOf('curator', 'kazoo');

/** What a recipe is made with. */
interface Made<O> {
  readonly zk: Client;
  readonly path: string;
  readonly options: O;
}

/** Checks what a recipe is made with; `needed` are the options that cannot be left out. */
export function checkRecipe<O>(
  what: string,
  { zk, path, options }: Made<O>,
  known: Checks<O>,
  needed: readonly (keyof O & string)[] = [],
): void {
  if (typeof (zk as Partial<Client> | undefined)?.fullPath !== 'function') {
    throw new TypeError(`${what} takes a client first, then a path`);
  }
  if (typeof path !== 'string') throw new TypeError(`the path of ${what} is a string, not ${String(path)}`);
  zk.fullPath(path);
  checkOptions(what, options, known);
  for (const name of needed) {
    if (options[name] === undefined) throw new TypeError(`${what} needs the option "${name}": ${known[name].expected}`);
  }
}

/** The options of a method, checked. */
export function checked<O extends object>(method: string, options: O, known: Checks<O>): O {
  if (typeof options === 'object' && Object.hasOwn(options, 'timeout') && !Object.hasOwn(known, 'timeout')) {
    throw new TypeError(`${method} has no option "timeout": a time limit is a signal, AbortSignal.timeout(5000)`);
  }
  checkOptions(method, options, known);
  return options;
}

/** The signal of a method that has no other option. */
export const signalOf = (method: string, options: CallSignal): AbortSignal | undefined =>
  checked(method, options, signalChecks).signal;

/** Throws a RangeError unless the argument is a whole number of at least one. */
export function checkCount(name: string, value: number): void {
  checkOptions('this call', { [name]: value }, { [name]: kinds.count });
}
