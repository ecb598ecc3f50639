// The requests of the benchmarks, encoded once. A run copies a frame and patches its xid and the digits of its key.

import { JuteWriter, opcodes, ops, perms, records } from '@corral/protocol';

export const dataBytes = 100;
const data = new Uint8Array(dataBytes).fill(0x78);
const openAcl = [{ perms: perms.all, id: { scheme: 'world', id: 'anyone' } }];

/** Where the text of the path starts in a frame whose record opens with one: length, xid, opcode, length of the path. */
export const pathAt = 16;
/** Bytes of the replies' fixed parts: header, Stat, one result's header in a multi. */
export const replyBytes = { header: records.replyHeaderBytes, stat: records.statBytes, multiHeader: 9 } as const;

function encode(body: (to: JuteWriter) => void): Buffer {
  const to = new JuteWriter();
  const at = to.beginFrame();
  body(to);
  to.endFrame(at);
  return Buffer.from(to.toBytes());
}

function requestFrame(opcode: number, body: (to: JuteWriter) => void): Buffer {
  return encode((to) => {
    records.requestHeader.write(to, { xid: 0, type: opcode });
    body(to);
  });
}

export const connectFrame = encode((to) => {
  const fresh = { protocolVersion: 0, lastZxidSeen: 0n, timeOut: 30_000, sessionId: 0n, passwd: new Uint8Array(16) };
  records.connectRequest.write(to, fresh);
  to.bool(false);
});

export const closeFrame = requestFrame(opcodes.closeSession, () => undefined);

export const getFrame = (path: string, watch: 'watch' | 'plain' = 'plain'): Buffer =>
  requestFrame(opcodes.getData, (to) => ops.getData.request.write(to, { path, watch: watch === 'watch' }));

export const setFrame = (path: string): Buffer =>
  requestFrame(opcodes.setData, (to) => ops.setData.request.write(to, { path, data, version: -1 }));

export const createFrame = (path: string): Buffer =>
  requestFrame(opcodes.create, (to) => ops.create.request.write(to, { path, data, acl: openAcl, flags: 0 }));

/** Makes the server that answers it catch up with what others acknowledged before. */
export const syncFrame = requestFrame(opcodes.sync, (to) => ops.sync.request.write(to, { path: '/' }));

/** A multi of `count` setData on one path, and where each of these paths starts. */
export function multiFrame(path: string, count: number): { frame: Buffer; pathsAt: number[] } {
  const pathsAt: number[] = [];
  const frame = requestFrame(opcodes.multi, (to) => {
    for (let i = 0; i < count; i++) {
      records.multiHeader.write(to, { type: opcodes.setData, done: false, err: -1 });
      pathsAt.push(to.length + 4);
      ops.setData.request.write(to, { path, data, version: -1 });
    }
    records.multiHeader.write(to, { type: -1, done: true, err: -1 });
  });
  return { frame, pathsAt };
}

/** Writes `value` as decimal digits with leading zeros. */
export function putDigits(out: Buffer, at: number, value: number, digits: number): void {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = (rest / 10) | 0;
    out[i] = 0x30 + rest - next * 10;
    rest = next;
  }
}
