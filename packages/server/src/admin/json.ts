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
  | ReadonlyMap<string, Json>;

/** An answer, in the order of its keys. */
export type Fields = Readonly<Record<string, Json>>;

export function renderJson(value: Json, indent = ''): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (typeof value === 'string') return JSON.stringify(value);
  if (isArray(value)) {
    return value.length === 0 ? '[ ]' : `[ ${value.map((item) => renderJson(item, indent)).join(', ')} ]`;
  }
  const entries = isMap(value) ? [...value] : Object.entries(value);
  if (entries.length === 0) return '{ }';
  const deeper = `${indent}  `;
  const lines = entries.map(([key, item]) => `${deeper}${JSON.stringify(key)} : ${renderJson(item, deeper)}`);
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value);
const isMap = (value: Json): value is ReadonlyMap<string, Json> => value instanceof Map;
