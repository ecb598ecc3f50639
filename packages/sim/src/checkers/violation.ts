// What a checker says when a rule is broken. The rules have the numbers of the list in ../../README.md.

/** A broken rule. The simulation stops; its seed replays it. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: number;
  readonly title: string;

  constructor(invariant: number, title: string, facts: string) {
    super(`invariant ${invariant} (${title}): ${facts}`);
    this.invariant = invariant;
    this.title = title;
  }
}

export type Report = (violation: Violation) => void;
