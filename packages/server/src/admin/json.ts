// JSON as the AdminServer prints it: indented the way Apache's is (scripts grep for `"error" : null`), keys in the
// order given, and 64-bit numbers exact, which JSON.stringify cannot do.

export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }
  /** For keys that are data: a Map keeps their order and has no special names. */
  | ReadonlyMap<string, Json>
  | LongMap;

/** Lists by key, of which there may be a million: walked while they are written. */
export class LongMap {
  readonly rows: Iterable<readonly [string, Iterable<Json>]>;

  constructor(rows: Iterable<readonly [string, Iterable<Json>]>) {
    this.rows = rows;
  }
}

/** An answer, in the order of its keys. */
export type Fields = Readonly<Record<string, Json>>;

export const renderJson = (value: Json): string => [...jsonPieces(value)].join('');

/** The text in small pieces. */
export function* jsonPieces(value: Json, indent = ''): Generator<string> {
  if (isArray(value)) yield* listPieces(value, indent);
  else if (value instanceof LongMap) yield* longMapPieces(value, indent);
  else if (typeof value !== 'object' || value === null) yield scalar(value);
  else yield* objectPieces(isMap(value) ? value : Object.entries(value), indent);
}

function scalar(value: null | boolean | number | bigint | string): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function* listPieces(items: Iterable<Json>, indent: string): Generator<string> {
  let before = '[ ';
  for (const item of items) {
    yield before;
    yield* jsonPieces(item, indent);
    before = ', ';
  }
  yield before === ', ' ? ' ]' : '[ ]';
}

function* objectPieces(entries: Iterable<readonly [string, Json]>, indent: string): Generator<string> {
  const deeper = `${indent}  `;
  let before = '{\n';
  for (const [key, value] of entries) {
    yield `${before}${deeper}${JSON.stringify(key)} : `;
    yield* jsonPieces(value, deeper);
    before = ',\n';
  }
  yield before === ',\n' ? `\n${indent}}` : '{ }';
}

function* longMapPieces({ rows }: LongMap, indent: string): Generator<string> {
  const deeper = `${indent}  `;
  let before = '{\n';
  for (const [key, items] of rows) {
    yield `${before}${deeper}${JSON.stringify(key)} : `;
    yield* listPieces(items, deeper);
    before = ',\n';
  }
  yield before === ',\n' ? `\n${indent}}` : '{ }';
}

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value);
const isMap = (value: Json): value is ReadonlyMap<string, Json> => value instanceof Map;
