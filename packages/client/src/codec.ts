// Typed data: how a value becomes bytes and back. `json` takes a schema of any library that follows Standard Schema, and
// refuses what does not fit it, whoever wrote it.

import { decodeText, encodeText } from '@corral/protocol';

/** How values become bytes, and bytes values. */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  /** Throws what makes the data unusable; the client wraps it in an InvalidDataError. */
  decode(data: Uint8Array): T | Promise<T>;
}

/** UTF-8. */
export const text: Codec<string> = {
  encode: encodeText,
  decode: (data) => decodeText(data, 0, data.length),
};

/** The part of the Standard Schema interface (version 1) that is needed here. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}
/** What a schema answers: a value, or issues. */
export type SchemaResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };
/** One thing that a schema found wrong. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema found wrong. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
  /** What the schema's library reported. */
  readonly issues: readonly SchemaIssue[];

  constructor(issues: readonly SchemaIssue[]) {
    super(issues.map(describe).join('; '));
    this.issues = issues;
  }
}

function describe({ message, path = [] }: SchemaIssue): string {
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return keys.length === 0 ? message : `${keys.join('.')}: ${message}`;
}

/** JSON; with a schema, everything read is validated and has the schema's type. */
export function json<T = unknown>(): Codec<T>;
export function json<Input, Output>(schema: StandardSchema<Input, Output>): Codec<Output>;
export function json(schema?: StandardSchema): Codec<unknown> {
  if (schema !== undefined && !('~standard' in schema)) {
    throw new TypeError('json() takes a schema that follows Standard Schema: an older library does not');
  }
  return {
    encode(value) {
      const written = JSON.stringify(value) as string | undefined;
      if (written === undefined) throw new TypeError(`JSON has no ${typeof value}`);
      return encodeText(written);
    },
    async decode(data) {
      const value: unknown = JSON.parse(text.decode(data) as string);
      if (schema === undefined) return value;
      const result = await schema['~standard'].validate(value);
      if (result.issues !== undefined) throw new SchemaError(result.issues);
      return result.value;
    },
  };
}
