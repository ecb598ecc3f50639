// One write, and how the ensemble came to agree on it: prepare, accept, decide. Every server remembers what it saw; the one
// that led then has seen all of it.

import { tableText } from './table.ts';
import type { Answer, Heard } from './admin.ts';

interface Step {
  readonly at: number;
  readonly after_ms: number | null;
}

export interface DecisionAnswer {
  readonly zxid: string;
  readonly asked_server: number;
  readonly prepare: { readonly proposed_by: number; readonly at: number } | null;
  readonly accept: readonly (Step & { readonly accepted_by: number })[];
  readonly decide: Step | null;
}

/** The answer that knows most; null when nobody remembers anything. */
export function bestAnswer(heard: readonly Heard[]): DecisionAnswer | null {
  const answers = heard.flatMap(({ answer }) => (answer !== null && isDecision(answer) ? [answer] : []));
  const known = ({ prepare, accept, decide }: DecisionAnswer): number =>
    accept.length + (prepare?.proposed_by === undefined ? 0 : 1) + (decide === null ? 0 : 1);
  return answers.reduce<DecisionAnswer | null>(
    (best, one) => (best === null || known(one) > known(best) ? one : best),
    null,
  );
}

function isDecision(answer: Answer): answer is Answer & DecisionAnswer {
  return (answer.error ?? null) === null && typeof answer['zxid'] === 'string' && Array.isArray(answer['accept']);
}

const clock = (at: number): string => new Date(at).toISOString();
const later = (ms: number | null): string => (ms === null ? '' : `+${ms} ms`);

export function decisionText({ zxid, asked_server: asked, prepare, accept, decide }: DecisionAnswer): string {
  const rows = [
    prepare === null
      ? ['prepare', 'not remembered', '', '']
      : ['prepare', `proposed by server ${prepare.proposed_by}`, clock(prepare.at), ''],
    ...accept.map((one) => ['accept', `durable on server ${one.accepted_by}`, clock(one.at), later(one.after_ms)]),
    decide === null
      ? ['decide', 'not decided, as far as this server knows', '', '']
      : ['decide', 'a quorum has accepted it', clock(decide.at), later(decide.after_ms)],
  ];
  return `${zxid}, as server ${asked} saw it\n${tableText(rows)}`;
}
