// What a row of the settings table is, and the words in which rows are written. The rows themselves: settings.ts.

import type { Kind } from './kinds.ts';

/**
 * Where a setting may come from. `cfg`: a key of zoo.cfg. `property`: a system property `zookeeper.<key>`, which in
 * zoo.cfg is written without the prefix. `plain`: a system property without prefix, which zoo.cfg cannot set.
 * `start`: our own, only on the command line or in the environment.
 */
export type Origin = 'cfg' | 'property' | 'plain' | 'start';

/**
 * `honoured`: does what it says. `ensemble`: accepted now, used when the server is a member of an ensemble.
 * `later`: read and checked, but without effect in this version; setting it is reported.
 * `refused`: like later, but starting without it would be less safe than what was asked for, so we do not start.
 */
export type Status = 'honoured' | 'ensemble' | 'later' | 'refused';

export interface Setting<T> {
  readonly key: string;
  readonly kind: Kind<Exclude<T, undefined>>;
  readonly fallback: T;
  readonly from: Origin;
  readonly status: Status;
  readonly meaning: string;
  /** The default in words, where the table's value is only a sign for "worked out from other settings". */
  readonly fallbackText?: string;
  /** Command-line flag, with its leading dashes. */
  readonly flag?: string;
  /** Variable of the official Docker image; read only where no configuration file is given. */
  readonly image?: string;
  /** Variable that is always read. */
  readonly env?: string;
  /** Of a row without effect: why, or what gives the same protection here. */
  readonly remark?: string;
}

export interface Extras {
  readonly fallbackText?: string;
  readonly flag?: string;
  readonly image?: string;
  readonly env?: string;
}

type Builder = <T, F extends T | undefined>(
  key: string,
  kind: Kind<T>,
  fallback: F,
  meaning: string,
  extras?: Extras,
) => Setting<T | F>;

const builder =
  (from: Origin): Builder =>
  <T, F extends T | undefined>(key: string, kind: Kind<T>, fallback: F, meaning: string, extras: Extras = {}) => ({
    key,
    // A kind never yields undefined, which the compiler cannot see through the two type parameters.
    kind: kind as Kind<Exclude<T | F, undefined>>,
    fallback,
    from,
    status: 'honoured',
    meaning,
    ...extras,
  });

export const cfg = builder('cfg');
export const property = builder('property');
export const plain = builder('plain');
export const start = builder('start');

export const ensemble = <T>(setting: Setting<T>): Setting<T> => ({ ...setting, status: 'ensemble' });
export const later = <T>(setting: Setting<T>, remark?: string): Setting<T> => withStatus(setting, 'later', remark);
export const refused = <T>(setting: Setting<T>, remark?: string): Setting<T> => withStatus(setting, 'refused', remark);

function withStatus<T>(setting: Setting<T>, status: Status, remark: string | undefined): Setting<T> {
  return { ...setting, status, ...(remark === undefined ? {} : { remark }) };
}

/** A key of Apache's that has no meaning here; it is accepted, and reported with the reason. */
export interface IgnoredKey {
  readonly key: string;
  readonly from: Origin;
  readonly reason: string;
  readonly secret: boolean;
  /** Whether a value asks for security: the server does not start then, instead of starting with less. */
  readonly asksForSecurity?: (value: string) => boolean;
}
