// Several operations in one request. A multi changes all or nothing and rejects with the index of the operation to blame;
// a multiRead answers every entry for itself, from one state of the tree.

import { JuteWriter, errorCodes, errorName, ops, opcodes, records } from '@corral/protocol';
import type { OpName, OpRequest, OpRow, JuteReader } from '@corral/protocol';
import { encodeFrame } from './call.ts';
import type { Answer, CallSpec } from './call.ts';
import type { CallOptions, SubmitOptions } from './connection.ts';
import { checkMethod } from './method-options.ts';
import { MultiError, serverError } from './errors.ts';
import type { ZkError } from './errors.ts';
import { createRequest, setRequest, toBorn, toCreated, versionRequest } from './requests.ts';
import type { CreateOptions, VersionOptions } from './requests.ts';
import { afterHangUp, isTooOld } from './too-old.ts';
import { toData, toNames, toStat } from './results.ts';
import type { Created, Data, DataInput, Stat, Version } from './results.ts';
import type { Root } from './root.ts';

interface Part {
  readonly op: OpName;
  readonly path: string;
  /** The record without its header. */
  readonly body: Uint8Array;
  /** Reads the result of this part. */
  decode(from: JuteReader, answer: Answer): unknown;
  /** The same without a Stat in the answer, when that is all that an older server gives. */
  readonly plain?: Part;
}

export type Submit = <T>(spec: CallSpec<T>, options: SubmitOptions) => Promise<T>;

const endMarker = { type: -1, done: true, err: -1 };
const errorType = -1;

function part<N extends OpName>(op: N, path: string, request: OpRequest<N>, decode: Part['decode']): Part {
  const writer = new JuteWriter();
  (ops[op] as unknown as OpRow<OpRequest<N>>).request.write(writer, request);
  return { op, path, body: writer.detach(0), decode };
}

function encodeParts(code: number, parts: readonly Part[]): Uint8Array {
  return encodeFrame(code, (to) => {
    for (const { op, body } of parts) {
      records.multiHeader.write(to, { type: opcodes[op], done: false, err: -1 });
      to.raw(body);
    }
    records.multiHeader.write(to, endMarker);
  });
}

/** Builds a multi: `client.multi().check('/lock', 0).set('/b', y).commit()`. The type of the result follows the calls. */
export class Multi<Results extends unknown[] = []> {
  readonly #root: Root;
  readonly #submit: Submit;
  readonly #parts: Part[] = [];

  constructor(root: Root, submit: Submit) {
    this.#root = root;
    this.#submit = submit;
  }

  /** Adds a create. */
  create(path: string, data: DataInput = '', options: CreateOptions = {}): Multi<[...Results, Created]> {
    checkMethod('multi.create', options);
    const made = createRequest(this.#root, path, data, options);
    const decode = (from: JuteReader): Created => toCreated(this.#root, ops.create2.response.read(from));
    if (made.op === 'createTTL') return this.#add<Created>(part('createTTL', path, made.request, decode));
    const { op, request } = made;
    const plain = part('create', path, request, (from, answer) =>
      toBorn(this.#root, ops.create.response.read(from).path, request, answer),
    );
    return this.#add<Created>({ ...part(op, path, request, decode), ...(op === 'create2' && { plain }) });
  }

  /** Adds a write of data. */
  set(path: string, data: DataInput, options: VersionOptions = {}): Multi<[...Results, Stat]> {
    checkMethod('multi.set', options);
    const request = setRequest(this.#root, path, data, options);
    return this.#add<Stat>(part('setData', path, request, (from) => toStat(records.statRecord.read(from))));
  }

  /** Fails the whole unless the node exists with this version. */
  check(path: string, version: Version): Multi<[...Results, null]> {
    return this.#add<null>(part('check', path, versionRequest(this.#root, path, version), () => null));
  }

  /** Adds a delete. */
  delete(path: string, options: VersionOptions = {}): Multi<[...Results, null]> {
    checkMethod('multi.delete', options);
    const request = versionRequest(this.#root, path, options.version ?? 'any');
    return this.#add<null>(part('delete', path, request, () => null));
  }

  /** Sends it. Rejects with a MultiError when one operation is refused; then nothing has changed. */
  async commit(options: CallOptions = {}): Promise<Results> {
    const parts = [...this.#parts];
    try {
      return await this.#submit(multiCall<Results>(parts), options);
    } catch (error) {
      const plain = parts.map((each) => each.plain ?? each);
      if (!isTooOld(error) || plain.some(({ op }) => !plainOps.has(op))) throw error;
      return await afterHangUp({ submit: this.#submit }, multiCall<Results>(plain), options);
    }
  }

  #add<R>(added: Part): Multi<[...Results, R]> {
    this.#parts.push(added);
    return this as unknown as Multi<[...Results, R]>;
  }
}

const multiCall = <Results>(parts: readonly Part[]): CallSpec<Results> => ({
  op: 'multi',
  path: null,
  frame: encodeParts(opcodes.multi, parts),
  decode: (from, answer) => decodeMulti(from, parts, answer) as Results,
  repeatable: false,
  watcher: null,
});

/** What transactions of servers before 3.5 may contain. */
const plainOps: ReadonlySet<OpName> = new Set<OpName>(['create', 'setData', 'delete', 'check']);

function decodeMulti(from: JuteReader, parts: readonly Part[], answer: Answer): unknown[] {
  const results: unknown[] = [];
  const errors: number[] = [];
  for (let header = records.multiHeader.read(from); !header.done; header = records.multiHeader.read(from)) {
    if (header.type === errorType) errors.push(records.errorResponse.read(from).err);
    else {
      const asked = parts[results.length];
      // Some releases answer every create in a transaction like the oldest ones, without a Stat.
      results.push((header.type === opcodes.create ? (asked.plain ?? asked) : asked).decode(from, answer));
    }
  }
  // Entries before the one to blame carry 0, the ones after it a code of their own: the first that is not 0 counts.
  const index = errors.findIndex((code) => code !== errorCodes.Ok);
  if (index < 0) return results;
  const name = errorName(errors[index]);
  const blamed = parts.at(index);
  const code = name === undefined || name === 'Ok' ? 'SystemError' : name;
  throw new MultiError(code, index, { op: 'multi', path: blamed?.path ?? null }, blamed?.op);
}

/** One entry of a multiRead: its value or its own error. */
export type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ZkError };

/** Builds a multiRead: several reads that see the same state of the tree. */
export class MultiRead<Results extends unknown[] = []> {
  readonly #root: Root;
  readonly #submit: Submit;
  readonly #parts: Part[] = [];

  constructor(root: Root, submit: Submit) {
    this.#root = root;
    this.#submit = submit;
  }

  /** Adds a read of data. */
  get(path: string): MultiRead<[...Results, Settled<Data>]> {
    const request = { path: this.#root.full(path), watch: false };
    const decode = (from: JuteReader): Data => {
      const { data, stat } = records.dataResponse.read(from);
      return toData(data, stat);
    };
    return this.#add<Data>(part('getData', path, request, decode));
  }

  /** Adds a list of children. */
  children(path: string): MultiRead<[...Results, Settled<string[]>]> {
    const request = { path: this.#root.full(path), watch: false };
    const decode = (from: JuteReader): string[] => toNames(records.childrenResponse.read(from).children);
    return this.#add<string[]>(part('getChildren', path, request, decode));
  }

  /** Sends it. Every entry succeeds or fails for itself. */
  commit(options: CallOptions = {}): Promise<Results> {
    const parts = [...this.#parts];
    const spec: CallSpec<Results> = {
      op: 'multiRead',
      path: null,
      frame: encodeParts(opcodes.multiRead, parts),
      decode: (from, answer) => decodeReads(from, parts, answer) as Results,
      repeatable: true,
      watcher: null,
    };
    return this.#submit(spec, options);
  }

  #add<R>(added: Part): MultiRead<[...Results, Settled<R>]> {
    this.#parts.push(added);
    return this as unknown as MultiRead<[...Results, Settled<R>]>;
  }
}

function decodeReads(from: JuteReader, parts: readonly Part[], answer: Answer): Settled<unknown>[] {
  const results: Settled<unknown>[] = [];
  for (let header = records.multiHeader.read(from); !header.done; header = records.multiHeader.read(from)) {
    const entry = parts[results.length];
    if (header.type === errorType) {
      const { err } = records.errorResponse.read(from);
      results.push({ ok: false, error: serverError(err, { op: entry?.op ?? 'multiRead', path: entry?.path ?? null }) });
    } else results.push({ ok: true, value: entry?.decode(from, answer) });
  }
  return results;
}
