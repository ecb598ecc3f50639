// The few wire primitives the scripts need, written apart from Corral's own codec: a test that shares the codec of what
// it tests would share its mistakes. Writers return Buffers; the reader walks one.

export const bool = (value) => Buffer.from([value ? 1 : 0]);

export function int(value) {
  const out = Buffer.allocUnsafe(4);
  out.writeInt32BE(value);
  return out;
}

export function long(value) {
  const out = Buffer.allocUnsafe(8);
  out.writeBigInt64BE(BigInt.asIntN(64, BigInt(value)));
  return out;
}

export function bytes(value) {
  return value === null ? int(-1) : Buffer.concat([int(value.length), value]);
}

export function text(value) {
  return value === null ? int(-1) : bytes(Buffer.from(value, 'utf8'));
}

export function vector(items) {
  return Buffer.concat([int(items.length), ...items]);
}

export function acl(entries) {
  return vector(entries.map(({ perms, scheme, id }) => Buffer.concat([int(perms), text(scheme), text(id)])));
}

export const openAcl = [{ perms: 31, scheme: 'world', id: 'anyone' }];

export class Reader {
  constructor(buffer, at = 0) {
    this.buffer = buffer;
    this.at = at;
  }

  bool() {
    return this.buffer[this.at++] !== 0;
  }

  int() {
    const value = this.buffer.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  long() {
    const value = this.buffer.readBigInt64BE(this.at);
    this.at += 8;
    return value;
  }

  bytes() {
    const length = this.int();
    if (length < 0) return null;
    const value = this.buffer.subarray(this.at, this.at + length);
    this.at += length;
    return value;
  }

  text() {
    return this.bytes()?.toString('utf8') ?? null;
  }

  vector(item) {
    const count = this.int();
    return count < 0 ? null : Array.from({ length: count }, () => item(this));
  }

  acl() {
    return this.vector((r) => ({ perms: r.int(), scheme: r.text(), id: r.text() }));
  }

  stat() {
    const stat = { czxid: this.long(), mzxid: this.long(), ctime: this.long(), mtime: this.long() };
    Object.assign(stat, { version: this.int(), cversion: this.int(), aversion: this.int() });
    stat.ephemeralOwner = this.long();
    Object.assign(stat, { dataLength: this.int(), numChildren: this.int() });
    stat.pzxid = this.long();
    return stat;
  }
}
