// The table of operations: how the fields of a step become a request, and how a reply is read. Written with the wire
// primitives of interop/lib alone; Corral's own codec has no part in it.
//
// A `~` in a text stands for the folder that the sequence has for itself; { hex } is a text of any bytes.

import { acl, bool, bytes, int, long, vector } from '../lib/jute.mjs';
import { op } from '../lib/wire.mjs';

/** A text field; the folder takes the place of `~`. */
function text(value, base) {
  if (value === null || value === undefined) return int(-1);
  if (typeof value === 'object') return bytes(Buffer.from(value.hex, 'hex'));
  return bytes(Buffer.from(value.replaceAll('~', base), 'utf8'));
}

function data(value, base) {
  if (value === null || value === undefined) return int(-1);
  if (typeof value === 'object') return bytes(Buffer.alloc(value.size, 0x2e));
  return text(value, base);
}

const texts = (list, base) => (list === null ? int(-1) : vector(list.map((item) => text(item, base))));
const acls = (list) => (list === null ? int(-1) : acl(list.map(([perms, scheme, id]) => ({ perms, scheme, id }))));
const path = (step, base) => text(step.path, base);

const nothing = () => Buffer.alloc(0);
const pathWatch = (s, base) => Buffer.concat([path(s, base), bool(s.watch)]);
const pathInt = (key) => (s, base) => Buffer.concat([path(s, base), int(s[key])]);
const create = (s, base) => Buffer.concat([path(s, base), data(s.data, base), acls(s.acl), int(s.flags)]);
const lists = (keys) => (s, base, zxid) => Buffer.concat([long(zxid(s.since)), ...keys.map((k) => texts(s[k], base))]);

const stat = (r) => ({ stat: r.stat() });
const name = (r) => ({ path: r.text() });
const pathStat = (r) => ({ path: r.text(), stat: r.stat() });
const dataStat = (r) => ({ data: r.bytes()?.toString('base64') ?? null, stat: r.stat() });
const sorted = (list) => list?.sort() ?? null;
const names = (r) => ({ names: sorted(r.vector((item) => item.text())) });
const empty = () => ({});

const row = (code, encode, decode, marks = {}) => ({ code, encode, decode, ...marks });
const write = { write: true };
/** The connection may be closed after the answer, or instead of it. */
const closing = { closing: true };

export const operations = {
  create: row(op.create, create, name, write),
  create2: row(op.create2, create, pathStat, write),
  createContainer: row(op.createContainer, create, pathStat, write),
  createTtl: row(op.createTtl, (s, b) => Buffer.concat([create(s, b), long(s.ttl)]), pathStat, write),
  delete: row(op.delete, pathInt('version'), empty, write),
  setData: row(op.setData, (s, b) => Buffer.concat([path(s, b), data(s.data, b), int(s.version)]), stat, write),
  setAcl: row(op.setAcl, (s, b) => Buffer.concat([path(s, b), acls(s.acl), int(s.version)]), stat, write),
  check: row(op.check, pathInt('version'), empty, closing),
  multi: row(op.multi, parts, results, write),
  reconfig: row(
    op.reconfig,
    (s, b) => Buffer.concat([text(s.joining, b), text(s.leaving, b), text(s.members, b), long(s.config)]),
    dataStat,
    write,
  ),
  exists: row(op.exists, pathWatch, stat),
  getData: row(op.getData, pathWatch, dataStat),
  getAcl: row(op.getAcl, path, (r) => ({ acl: r.acl(), stat: r.stat() })),
  getChildren: row(op.getChildren, pathWatch, names),
  getChildren2: row(op.getChildren2, pathWatch, (r) => ({ ...names(r), stat: r.stat() })),
  getAllChildrenNumber: row(op.getAllChildrenNumber, path, (r) => ({ count: r.int() })),
  getEphemerals: row(op.getEphemerals, path, names),
  multiRead: row(op.multiRead, parts, results),
  sync: row(op.sync, path, name),
  ping: row(op.ping, nothing, empty, { xid: -2 }),
  whoAmI: row(op.whoAmI, nothing, (r) => ({
    who: r.vector((item) => `${item.text()}:${item.text()}`).sort(),
  })),
  setWatches: row(op.setWatches, lists(['dataPaths', 'existPaths', 'childPaths']), empty, { xid: -8 }),
  setWatches2: row(op.setWatches2, lists(['dataPaths', 'existPaths', 'childPaths', 'persistent', 'recursive']), empty, {
    xid: -8,
  }),
  addWatch: row(op.addWatch, pathInt('mode'), (r) => ({ code: r.int() })),
  checkWatches: row(op.checkWatches, pathInt('type'), empty),
  removeWatches: row(op.removeWatches, pathInt('type'), empty),
  auth: row(op.auth, (s, b) => Buffer.concat([int(0), text(s.scheme, b), data(s.credential, b)]), empty, {
    xid: -4,
    ...closing,
  }),
  sasl: row(
    op.sasl,
    (s, b) => data(s.token, b),
    (r) => ({ token: r.bytes() }),
    closing,
  ),
  close: row(op.close, nothing, empty, closing),
  unknown: { encode: nothing, decode: empty, ...closing },
};

/** The operation of a part of a multi, by the code its result carries. */
const resultOf = new Map(
  ['create', 'create2', 'delete', 'setData', 'check', 'getData', 'getChildren'].map((key) => [
    operations[key].code,
    operations[key],
  ]),
);

/** The parts of a multi; `open` leaves the end marker out. */
function parts(step, base) {
  const all = step.parts.map((part) =>
    Buffer.concat([int(codeOf(part)), bool(false), int(-1), encode(part, base, () => 0n)]),
  );
  const end = step.open ? Buffer.alloc(0) : Buffer.concat([int(-1), bool(true), int(-1)]);
  return Buffer.concat([...all, end]);
}

function results(reader) {
  const list = [];
  for (;;) {
    const [type, done, err] = [reader.int(), reader.bool(), reader.int()];
    if (done) return { results: list, end: [type, err] };
    if (type === -1) list.push({ type, err, code: reader.int() });
    else list.push({ type, err, ...resultOf.get(type).decode(reader) });
  }
}

export function codeOf(step) {
  return step.op === 'unknown' ? step.code : operations[step.op].code;
}

/** The body of a step's request, with the damage that the step asks for. `zxid` turns a step's `since` into a number. */
export function encode(step, base, zxid) {
  let body = operations[step.op].encode(step, base, zxid);
  if (step.raw !== undefined) body = Buffer.from(step.raw, 'hex');
  if (step.cut !== undefined) body = body.subarray(0, Math.max(0, body.length - step.cut));
  if (step.patch !== undefined && body.length >= 4) {
    body = Buffer.from(body);
    body.writeInt32BE(step.patch, 0);
  }
  if (step.tail !== undefined) body = Buffer.concat([body, Buffer.from(step.tail, 'hex')]);
  return body;
}

/** What a reply's body says, field by field; bytes behind the last field are told too. */
export function decode(step, reader) {
  if (reader.at === reader.buffer.length) return {};
  const at = reader.at;
  try {
    const fields = operations[step.op].decode(reader);
    const rest = reader.buffer.subarray(reader.at).toString('hex');
    return rest === '' ? fields : { ...fields, rest };
  } catch {
    return { unreadable: reader.buffer.subarray(at).toString('hex') };
  }
}
