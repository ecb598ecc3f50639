// K9: how nodes are called, so that our processes stand in the same line as those of Curator or kazoo. Curator puts
// `_c_<uuid>-` before a name and kazoo a bare uuid; both only look at what comes behind.

/** Whose names the nodes have, so that clients of both kinds stand in one line. */
export type Names = 'curator' | 'kazoo';

export interface LineNames {
  /** What our own names end in, before the number. */
  readonly own: string;
  /** What stands before the number in the names that count as members of the line. */
  readonly bases: readonly string[];
}

export const protectedName = (id: string, base: string): string => `_c_${id}-${base}`;

const lineOf = (own: string, bases: readonly string[] = [own]): LineNames => ({ own, bases });
/** kazoo looks at the end of a name only, whatever comes before it. */
const kazooLine = lineOf('__lock__');

export const lockNames = (names: Names = 'curator'): LineNames => (names === 'kazoo' ? kazooLine : lineOf('lock-'));
export const electionNames = (names: Names = 'curator'): LineNames =>
  names === 'kazoo' ? kazooLine : lineOf('latch-');

/** What a holder's data is set to when somebody wants the lock. */
export const revokeMark = '__REVOKE__';

export interface RwNames {
  readonly read: LineNames;
  readonly write: LineNames;
}

export const rwNames = (names: Names = 'curator'): RwNames =>
  names === 'kazoo'
    ? { read: lineOf('__rlock__'), write: kazooLine }
    : { read: lineOf('__READ__'), write: lineOf('__WRIT__') };
