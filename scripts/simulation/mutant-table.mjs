// The table of docs/simulation-mutants.md: written by the campaign, read by the next one.

const begin = '<!-- mutants: begin -->';
const end = '<!-- mutants: end -->';

/** How many seeds each defect took, by the page. */
export function documented(text) {
  const rows = [...text.matchAll(/^\| `([\w-]+)`\s*\|[^|]*\|\s*(\d+)\s*\|/gm)];
  return new Map(rows.map(([, defect, seeds]) => [defect, Number(seeds)]));
}

export function tableOf(defects, rows) {
  const lines = Object.entries(defects).map(([defect, what]) => {
    const row = rows.get(defect);
    return `| \`${defect}\` | ${what} | ${row?.seed ?? ''} | ${row === undefined ? 'not found' : `${row.verdict.replace('invariant:', '').replace('liveness', '43')} ${row.rule}`} |`;
  });
  return ['| Defect | What it does wrong | Seeds | Found by |', '|---|---|---|---|', ...lines].join('\n');
}

export function withTable(text, table) {
  const [before, rest] = text.split(begin);
  return `${before}${begin}\n\n${table}\n\n${end}${rest.split(end)[1]}`;
}
