// Scenarios as text: what a script may say, and where in it something is wrong. A script is a list of statements, one a
// line or several with semicolons between; `for NAME in ...` repeats the statements up to `end` with another value.

/** A script cannot be read, or something did not come as it says. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

export interface Statement {
  readonly kind: 'statement';
  readonly line: number;
  readonly text: string;
}

export interface Loop {
  readonly kind: 'loop';
  readonly line: number;
  readonly variable: string;
  /** The values, or until no crash point strikes any more. */
  readonly values: readonly string[] | 'crash points';
  readonly body: readonly Block[];
}

export type Block = Statement | Loop;

export interface Script {
  /** The comment at its beginning: the story in words. */
  readonly story: string;
  readonly blocks: readonly Block[];
}

/** Parts of a script may be repeated so often. */
const valuesMax = 1000;
const forUsage = 'for NAME in 1..20, for NAME in one two three, or for NAME in crash points';

export function readScript(text: string): Script {
  const lines = text.split(/\r?\n/);
  const story: string[] = [];
  for (const line of lines) {
    if (!line.startsWith('#')) break;
    story.push(line.replace(/^#\s?/, ''));
  }
  if (story.length === 0) throw new ScenarioError(1, 'a scenario begins with a comment (#) that tells its story');
  const statements = lines.flatMap((line, index) => statementsOf(line, index + 1));
  const reader = { statements, at: 0 };
  const blocks = readBlocks(reader, undefined);
  return { story: story.join(' ').trim(), blocks };
}

function statementsOf(line: string, number: number): Statement[] {
  const code = line.replace(/(^|\s)#.*$/, '');
  return code
    .split(';')
    .map((text) => text.trim().replace(/\s+/g, ' '))
    .filter((text) => text !== '')
    .map((text) => ({ kind: 'statement', line: number, text }));
}

interface Reader {
  readonly statements: readonly Statement[];
  at: number;
}

function readBlocks(reader: Reader, opened: Statement | undefined): Block[] {
  const blocks: Block[] = [];
  while (reader.at < reader.statements.length) {
    const statement = reader.statements[reader.at++];
    if (statement.text === 'end') {
      if (opened === undefined) throw new ScenarioError(statement.line, '"end" without a "for"');
      return blocks;
    }
    blocks.push(/^for\b/.test(statement.text) ? readLoop(reader, statement) : statement);
  }
  if (opened !== undefined) throw new ScenarioError(opened.line, `"${opened.text}" has no "end"`);
  return blocks;
}

function readLoop(reader: Reader, statement: Statement): Loop {
  const { line, text } = statement;
  const match = /^for ([a-z]+) in (.+)$/.exec(text);
  if (match === null) throw new ScenarioError(line, `"${text}" is no loop: write ${forUsage}`);
  const [, variable, list] = match;
  const range = /^(\d+)\.\.(\d+)$/.exec(list);
  let values: Loop['values'];
  if (list === 'crash points') values = list;
  else if (range === null) values = list.split(' ');
  else {
    const [from, to] = [Number(range[1]), Number(range[2])];
    if (to < from || to - from >= valuesMax)
      throw new ScenarioError(line, `"${list}": 1 to ${valuesMax} values, upwards`);
    values = Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
  }
  return { kind: 'loop', line, variable, values, body: readBlocks(reader, statement) };
}

/** The statement with a value in the place of each `$name`. */
export function withValues({ line, text }: Statement, values: ReadonlyMap<string, string>): Statement {
  const filled = text.replace(/\$([a-z]+)/g, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new ScenarioError(line, `"$${name}" stands in no loop over ${name}`);
    return value;
  });
  return { kind: 'statement', line, text: filled };
}
