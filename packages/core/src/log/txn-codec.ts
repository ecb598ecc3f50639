// Transactions as bytes, exactly as Apache's log and its quorum protocol carry them: a header of 32 bytes, a body by type,
// and at the end, when the leader keeps one, the digest of the tree. A learner forwards and logs the bytes it was sent, so
// this reads everything that Apache writes, even what Corral itself never would.

import { JuteReader, ProtocolError, errorCodes, isSafeZxid, opcodes, openAcl, records } from '@corral/protocol';
import type { Acl, SessionId, Zxid, JuteWriter } from '@corral/protocol';
import type {
  CheckTxn,
  CloseSessionTxn,
  CreateTxn,
  DeleteTxn,
  ErrorTxn,
  MultiTxn,
  SetAclTxn,
  SetDataTxn,
  SingleTxn,
  Txn,
  TxnDigest,
  TxnHeader,
} from './txn.ts';

export const txnHeaderBytes = 32;
export const txnDigestBytes = 12;
/** Where the type stands in a payload. */
const typeAt = 28;
export const errorTxnType = -1;
const slash = 0x2f;
/** A transaction may hold more than any client may send: all ephemerals of a session, or several full requests. */
const fieldBytesMax = 0x7fffffff;

export interface TxnRecord {
  readonly header: TxnHeader;
  readonly txn: Txn;
  readonly digest?: TxnDigest;
}

/** The type field of a transaction's header. */
export function txnType(txn: Txn): number {
  switch (txn.kind) {
    case 'create':
    case 'delete':
    case 'setData':
      return txn.code;
    case 'setAcl':
      return opcodes.setACL;
    case 'check':
      return opcodes.check;
    case 'error':
      return errorTxnType;
    case 'createSession':
      return opcodes.createSession;
    case 'closeSession':
      return opcodes.closeSession;
    case 'multi':
      return opcodes.multi;
    default:
      return unreachable(txn);
  }
}

function unreachable(txn: never): never {
  throw new Error(`unhandled transaction ${JSON.stringify(txn)}`);
}

export function writeTxnPayload(w: JuteWriter, header: TxnHeader, txn: Txn, digest?: TxnDigest): void {
  w.long(header.clientId);
  w.int(header.cxid);
  w.longNumber(header.zxid);
  w.longNumber(header.time);
  w.int(txnType(txn));
  writeBody(w, txn);
  if (digest === undefined) return;
  w.int(digest.version);
  w.long(digest.value);
}

function writeBody(w: JuteWriter, txn: Txn): void {
  switch (txn.kind) {
    case 'createSession':
      return w.int(txn.timeoutMs);
    case 'closeSession':
      if (txn.paths !== null) w.vector(txn.paths, (writer, path) => writer.text(path));
      return;
    case 'multi':
      return w.vector(txn.parts, (writer, part) => {
        writer.int(txnType(part));
        const frame = writer.beginFrame();
        writeSingle(writer, part);
        writer.endFrame(frame);
      });
    default:
      return writeSingle(w, txn);
  }
}

function writeSingle(w: JuteWriter, txn: SingleTxn): void {
  switch (txn.kind) {
    case 'create':
      return writeCreate(w, txn);
    case 'delete':
      return w.text(txn.path);
    case 'setData':
      w.text(txn.path);
      w.buffer(txn.data);
      return w.int(txn.version);
    case 'setAcl':
      w.text(txn.path);
      records.aclVector.write(w, txn.acl);
      return w.int(txn.version);
    case 'check':
      w.text(txn.path);
      return w.int(txn.version);
    case 'error':
      return w.int(txn.code);
    default:
      return unreachable(txn);
  }
}

function writeCreate(w: JuteWriter, txn: CreateTxn): void {
  w.text(txn.path);
  w.buffer(txn.data);
  records.aclVector.write(w, txn.acl);
  if (txn.code === 1 || txn.code === 15) w.bool(txn.ephemeral);
  w.int(txn.parentCversion);
  if (txn.code === 21) w.longNumber(txn.ttlMs);
}

/** The zxid inside a payload, without decoding the rest; undefined when it is not one that Corral can hold. */
export function peekZxid(bytes: Uint8Array, start: number): Zxid | undefined {
  const value = new JuteReader(bytes, start + 12, start + 20).longNumber();
  return isSafeZxid(value) ? value : undefined;
}

/** The type field of a payload, without decoding the rest. */
export const peekType = (bytes: Uint8Array, start: number): number =>
  new JuteReader(bytes, start + typeAt, start + txnHeaderBytes).int();

/** Buffers lie in the memory that is read. */
class InPlaceReader extends JuteReader {
  override buffer(): Uint8Array | null {
    return this.view();
  }
}

/**
 * Decodes bytes[start, end). The data in the result is copied, or lies in `bytes` when those never
 * change.
 *
 * @throws ProtocolError when this version cannot know what the transaction does.
 */
export function readTxnPayload(
  bytes: Uint8Array,
  start: number,
  end: number,
  data: 'copied' | 'inPlace' = 'copied',
): TxnRecord {
  const Reader = data === 'inPlace' ? InPlaceReader : JuteReader;
  const r = new Reader(bytes, start, end, fieldBytesMax);
  const clientId = r.long() as SessionId;
  const cxid = r.int();
  const zxid = r.longNumber();
  if (!isSafeZxid(zxid)) throw new ProtocolError(`zxid out of range in a transaction: ${zxid}`);
  const header: TxnHeader = { clientId, cxid, zxid, time: r.longNumber() };
  const txn = readBody(r, r.int());
  // Apache ignores what it does not know behind a body: so few bytes are no digest, and more follow only from a later version.
  if (r.remaining < txnDigestBytes) return { header, txn };
  return { header, txn, digest: { version: r.int(), value: BigInt.asUintN(64, r.long()) } };
}

function readBody(r: JuteReader, type: number): Txn {
  switch (type) {
    case opcodes.createSession:
      return { kind: 'createSession', timeoutMs: r.int() };
    case opcodes.closeSession:
      return readCloseSession(r);
    case opcodes.multi:
      return readMulti(r);
    default:
      return readSingle(r, type);
  }
}

function readSingle(r: JuteReader, type: number): SingleTxn {
  switch (type) {
    case 1:
    case 15:
    case 19:
    case 21:
      return readCreate(r, type);
    case 2:
    case 20:
      return { kind: 'delete', code: type, path: readPath(r) } satisfies DeleteTxn;
    case 5:
    case 16:
      return {
        kind: 'setData',
        code: type,
        path: readPath(r),
        data: r.buffer(),
        version: r.int(),
      } satisfies SetDataTxn;
    case opcodes.setACL:
      return { kind: 'setAcl', path: readPath(r), acl: readAcl(r), version: r.int() } satisfies SetAclTxn;
    case opcodes.check:
      return { kind: 'check', path: readPath(r), version: r.int() } satisfies CheckTxn;
    case errorTxnType:
      return { kind: 'error', code: r.int() } satisfies ErrorTxn;
    default:
      throw new ProtocolError(`unknown transaction type ${type}`);
  }
}

function readCreate(r: JuteReader, code: CreateTxn['code']): CreateTxn {
  const path = readPath(r);
  const data = r.buffer();
  const acl = readAcl(r);
  const ephemeral = code === 1 || code === 15 ? r.bool() : false;
  // Servers before 3.3 ended the record here.
  const parentCversion = code === 1 && r.remaining < 4 ? -1 : r.int();
  const ttlMs = code === 21 ? r.longNumber() : 0;
  return { kind: 'create', code, path, data, acl, ephemeral, parentCversion, ttlMs };
}

/** The body may be missing altogether; twelve bytes alone may then be a digest. Paths tell: they start with a slash. */
function readCloseSession(r: JuteReader): CloseSessionTxn {
  if (r.remaining === 0) return { kind: 'closeSession', paths: null };
  const bodyAt = r.at;
  const isDigestAlone = r.remaining === txnDigestBytes;
  const paths = readPaths(r);
  if (paths !== undefined && (r.remaining === 0 || !isDigestAlone)) return { kind: 'closeSession', paths };
  r.at = bodyAt;
  if (isDigestAlone) return { kind: 'closeSession', paths: null };
  throw new ProtocolError('unreadable list of paths in a closeSession transaction');
}

function readPaths(r: JuteReader): string[] | undefined {
  const count = r.int();
  if (count === -1) return [];
  if (count < 0 || count * 5 > r.remaining) return undefined;
  const paths: string[] = [];
  for (let i = 0; i < count; i++) {
    if (r.remaining < 4) return undefined;
    const length = r.int();
    if (length < 1 || length > r.remaining || r.bytes[r.at] !== slash) return undefined;
    r.at -= 4;
    const path = r.text();
    if (path === null) return undefined;
    paths.push(path);
  }
  return paths;
}

/** A part before its body is looked at: what it means depends on the other parts. */
interface RawPart {
  readonly type: number;
  readonly body: JuteReader;
}

function readMulti(r: JuteReader): MultiTxn {
  const Reader = r instanceof InPlaceReader ? InPlaceReader : JuteReader;
  const raw = r.vector((reader): RawPart => {
    const type = reader.int();
    const length = Math.max(0, reader.skipField());
    return { type, body: new Reader(reader.bytes, reader.at - length, reader.at, fieldBytesMax) };
  });
  if (raw === null) return { kind: 'multi', parts: [] };
  if (raw.some(({ type }) => type === errorTxnType)) return { kind: 'multi', parts: readFailed(raw) };
  return { kind: 'multi', parts: raw.map(({ type, body }) => readSingle(body, type)) };
}

/**
 * The parts of a multi that failed change nothing, whatever they hold. A part that had passed when another one failed may
 * keep its type, or Apache's leader has turned it into an error and left the old body in place.
 */
function readFailed(raw: readonly RawPart[]): SingleTxn[] {
  const parts = raw.map(({ type, body }): SingleTxn => {
    if (type === errorTxnType) return { kind: 'error', code: body.remaining === 4 ? body.int() : 0 };
    try {
      return readSingle(body, type);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return { kind: 'error', code: 0 };
    }
  });
  // Nobody may take a failure for a success, so one part at least says that there was one.
  if (parts.some((part) => part.kind === 'error' && part.code !== 0)) return parts;
  return parts.map((part) => (part.kind === 'error' ? { kind: 'error', code: errorCodes.RuntimeInconsistency } : part));
}

function readPath(r: JuteReader): string {
  const path = r.text();
  if (path === null) throw new ProtocolError('a transaction without a path');
  return path;
}

/** Apache takes a missing list for an open one. */
const readAcl = (r: JuteReader): readonly Acl[] => records.aclVector.read(r) ?? openAcl;
