// Why a server does not start on its data, with everything an operator needs to decide.

import { formatZxid } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';

export interface RefusalFacts {
  readonly file: string;
  /** What is on the disk is not what was written, so no setting would cure it. Absent: an operator has to decide. */
  readonly isDamage?: boolean;
  /** Where in the file, when it is one place. */
  readonly offset?: number;
  readonly problem: string;
  /** The first transaction that going on without the damaged part would lose. */
  readonly lostFrom?: Zxid;
  /** The first one that could still be read behind the damage. */
  readonly lostBefore?: Zxid;
  readonly advice: string;
}

export class RecoveryRefused extends Error {
  override readonly name = 'RecoveryRefused';
  readonly facts: RefusalFacts;

  constructor(facts: RefusalFacts) {
    super(describe(facts));
    this.facts = facts;
  }
}

function describe(facts: RefusalFacts): string {
  const place = facts.offset === undefined ? facts.file : `${facts.file} at offset ${facts.offset}`;
  return `${place}: ${facts.problem}.${lost(facts)} What to do: ${facts.advice}.`;
}

function lost({ lostFrom, lostBefore }: RefusalFacts): string {
  if (lostFrom === undefined) return '';
  if (lostBefore === undefined) return ` At risk: transactions from ${formatZxid(lostFrom)} on.`;
  return ` At risk: transactions from ${formatZxid(lostFrom)} to before ${formatZxid(lostBefore)}.`;
}
