// The marks of a counter's last writes, as lines of a node below it. The node of the number holds the number alone: Curator's
// compareAndSet and kazoo look at every byte of it.

export interface Mark {
  readonly id: string;
  /** That the number has after this write. */
  readonly version: number;
}

/** Marks that are kept: a write in doubt is found as long as no more than so many came after it. */
const marksMax = 16;

export const newMark = (versionBefore: number): Mark => ({
  id: crypto.randomUUID(),
  version: (versionBefore + 1) | 0,
});

/** The newest first. */
export const addMark = (marks: readonly Mark[], mark: Mark): Mark[] => [mark, ...marks].slice(0, marksMax);

export const encodeMarks = (marks: readonly Mark[]): string =>
  marks.map(({ id, version }) => `${version} ${id}`).join('\n');

export function decodeMarks(data: Uint8Array): Mark[] {
  const lines = new TextDecoder().decode(data).split('\n');
  return lines.map((line) => line.split(' ')).map(([version, id]) => ({ version: Number(version), id }));
}

/** Whether a write happened, by marks that were read after something was written. */
export function wasMade(marks: readonly Mark[], { id, version }: Mark): 'yes' | 'no' | 'unknown' {
  if (marks.some((mark) => mark.id === id)) return 'yes';
  // Only the oldest ones are dropped: what is younger than one that is there would be there, too.
  if (marks.length < marksMax || ((version - marks[marksMax - 1].version) | 0) >= 0) return 'no';
  return 'unknown';
}
