// Changes of the tree's layout that are made once, in order, by whoever comes first. Every step leaves the hash of what it
// did; a step that was changed afterwards is refused.

import type NodeCrypto from 'node:crypto';
import { kinds, ZkError } from '@corral/client';
import type { Client, CreateOptions, DataInput, Multi, VersionOptions } from '@corral/client';
import { ConflictError } from './errors.ts';
import { namesIn } from './kernel/children.ts';
import { builtin } from './kernel/identity.ts';
import { insist } from './kernel/insist.ts';
import type { CallSignal } from './kernel/parents.ts';
import { childName, join } from './kernel/paths.ts';
import { lock } from './lock.ts';
import type { HeldLock } from './lock.ts';
import { checkRecipe, signalChecks } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** What a step may do: part of a transaction. */
export interface StepBuilder {
  create(path: string, data?: DataInput, options?: CreateOptions): StepBuilder;
  set(path: string, data: DataInput, options?: VersionOptions): StepBuilder;
  delete(path: string, options?: VersionOptions): StepBuilder;
  check(path: string, version: number | 'any'): StepBuilder;
}
/** One step of a migration: what it is called, and what it does. */
export interface Step {
  readonly id: string;
  readonly build: (tx: StepBuilder) => unknown;
}

/** Options of `migrate`. */
export interface MigrateOptions extends CallSignal {
  /** Where the hashes are kept; `/migrations` unless given. */
  readonly base?: string | undefined;
  /** Tells what would be done. */
  readonly dryRun?: boolean | undefined;
}

/** What a migration did, or would do. */
export interface Migration {
  /** Steps done now, or to be done by a dry run. */
  readonly steps: readonly string[];
  /** The operations of these steps, for people. */
  readonly changes: readonly string[];
}

interface Recorded {
  readonly id: string;
  readonly hash: string;
  readonly changes: readonly string[];
  readonly apply: (tx: Multi) => void;
}

const known: Checks<MigrateOptions> = { ...signalChecks, base: kinds.text, dryRun: kinds.boolean };

const prefix = 'meta-';
const digits = 10;

/** One step of a migration. */
export const step = (id: string, build: Step['build']): Step => ({ id, build });

/** Brings the tree up to the last of these steps, all of them at once or none. */
export async function migrate(
  zk: Client,
  name: string,
  steps: readonly Step[],
  options: MigrateOptions = {},
): Promise<Migration> {
  const { base = '/migrations', signal } = options;
  checkRecipe('migrate', { zk, path: '/', options }, known);
  const dir = join(base, childName('a migration', name));
  const twice = steps.find(({ id }, at) => steps.findIndex((other) => other.id === id) !== at);
  if (twice !== undefined) throw new RangeError(`two steps have the id ${twice.id}`);
  const recorded = await Promise.all(steps.map(record));
  if (options.dryRun === true) return describe(await missing(zk, dir, recorded, signal));
  return await lock(zk, join(dir, 'lock')).run((held) => apply(zk, dir, recorded, held, signal), { signal });
}

async function apply(
  zk: Client,
  dir: string,
  steps: readonly Recorded[],
  held: HeldLock,
  signal?: AbortSignal,
): Promise<Migration> {
  const todo = await missing(zk, dir, steps, signal);
  const first = steps.length - todo.length;
  if (todo.length === 0) return describe(todo);
  const commit = async (): Promise<void> => {
    const tx = zk.multi();
    todo.forEach(({ hash, apply: addTo }, at) => {
      addTo(tx);
      tx.create(join(dir, metaName(first + at)), hash);
    });
    await held.guard(tx).commit({ signal });
  };
  try {
    await insist(zk, commit, signal);
  } catch (error) {
    // After a lost answer: somebody has done it, and nobody else could while we hold the lock.
    if (!ZkError.is(error, 'NodeExists') || (await missing(zk, dir, steps, signal)).length > 0) throw error;
  }
  return describe(todo);
}

/** The steps that were not done yet. */
async function missing(zk: Client, dir: string, steps: readonly Recorded[], signal?: AbortSignal): Promise<Recorded[]> {
  const hashes = await hashesIn(zk, dir, signal);
  if (hashes.length > steps.length) {
    throw new ConflictError(`${dir} has ${hashes.length} steps; this program knows ${steps.length}: it is older`);
  }
  hashes.forEach((hash, at) => {
    if (hash !== steps[at].hash) throw new ConflictError(`step ${steps[at].id} of ${dir} is not the one that was done`);
  });
  return steps.slice(hashes.length);
}

async function hashesIn(zk: Client, dir: string, signal?: AbortSignal): Promise<string[]> {
  const names = (await namesIn(zk, dir, signal)).filter((child) => child.startsWith(prefix)).sort();
  return await Promise.all(names.map((child) => zk.getText(join(dir, child), { signal })));
}

const metaName = (index: number): string => prefix + String(index).padStart(digits, '0');

const describe = (steps: readonly Recorded[]): Migration => ({
  steps: steps.map(({ id }) => id),
  changes: steps.flatMap(({ changes }) => changes),
});

/** Runs a step against a builder that remembers. */
async function record({ id, build }: Step): Promise<Recorded> {
  const calls: ((tx: Multi) => unknown)[] = [];
  const facts: unknown[] = [id];
  const changes: string[] = [];
  const add = (fact: readonly unknown[], change: string, call: (tx: Multi) => unknown): StepBuilder => {
    facts.push(fact.map((part) => (part instanceof Uint8Array ? [...part] : part)));
    changes.push(change);
    calls.push(call);
    return builder;
  };
  const builder: StepBuilder = {
    create: (path, data = '', options = {}) =>
      add(['create', path, data, options], `create ${path}`, (tx) => tx.create(path, data, options)),
    set: (path, data, options = {}) =>
      add(['set', path, data, options], `set ${path}`, (tx) => tx.set(path, data, options)),
    delete: (path, options = {}) => add(['delete', path, options], `delete ${path}`, (tx) => tx.delete(path, options)),
    check: (path, version) => add(['check', path, version], `check ${path}`, (tx) => tx.check(path, version)),
  };
  build(builder);
  const hash = await sha256(JSON.stringify(facts));
  return { id, hash, changes, apply: (tx) => calls.forEach((call) => void call(tx)) };
}

/**
 * In hexadecimal. WebCrypto works in a thread pool, whose real time a test under virtual time cannot wait for: it is only
 * for platforms that have nothing else.
 */
async function sha256(text: string): Promise<string> {
  const node = builtin<Pick<typeof NodeCrypto, 'createHash'>>('node:crypto');
  if (node !== undefined) return node.createHash('sha256').update(text).digest('hex');
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
