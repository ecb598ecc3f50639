// K9: how nodes are called. Curator and kazoo put a random id into the name of a node they stand in line with, each in its
// own way; with these names our processes stand in the same line as theirs.

export type Names = 'curator' | 'kazoo';

export interface LineNames {
  /** Name for an attempt, without its number. */
  readonly own: (id: string) => string;
  /** What stands before the number in the names that count as members of the line. */
  readonly bases: readonly string[];
}

/** kazoo writes an id without dashes. */
const bare = (id: string): string => id.replaceAll('-', '');

export const protectedName = (id: string, base: string): string => `_c_${id}-${base}`;

const curatorLine = (base: string): LineNames => ({ own: (id) => protectedName(id, base), bases: [base] });
/** kazoo's lock counts Curator's nodes, too. */
const kazooLine: LineNames = { own: (id) => `${bare(id)}__lock__`, bases: ['__lock__', 'lock-'] };

export const lockNames = (names: Names = 'curator'): LineNames =>
  names === 'kazoo' ? kazooLine : curatorLine('lock-');
export const electionNames = (names: Names = 'curator'): LineNames =>
  names === 'kazoo' ? kazooLine : curatorLine('latch-');

/** What a holder's data is set to when somebody wants the lock. */
export const revokeMark = '__REVOKE__';

export interface RwNames {
  readonly read: LineNames;
  readonly write: LineNames;
}

export function rwNames(names: Names = 'curator'): RwNames {
  if (names === 'curator') return { read: curatorLine('__READ__'), write: curatorLine('__WRIT__') };
  return { read: { own: (id) => `${bare(id)}__rlock__`, bases: ['__rlock__'] }, write: kazooLine };
}
