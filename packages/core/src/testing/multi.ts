// Requests and results of multi and multiRead.

import { JuteReader, JuteWriter, opcodes, records } from '@corral/protocol';
import type { OpName, OpRequest, OpResponse } from '@corral/protocol';
import { encodeRequest, textOf } from './memory-replica.ts';
import type { Reply } from './memory-replica.ts';

export type Part = { [N in OpName]: readonly [op: N, request: OpRequest<N>] }[OpName];

export function multiBody(parts: readonly Part[]): Uint8Array {
  const w = new JuteWriter();
  for (const [op, request] of parts) {
    records.multiHeader.write(w, { type: opcodes[op], done: false, err: -1 });
    w.raw(encodeRequest(op, request as OpRequest<typeof op>));
  }
  records.multiHeader.write(w, { type: -1, done: true, err: -1 });
  return w.toBytes();
}

export interface PartResult {
  readonly type: number;
  readonly err: number;
  readonly path?: string | null;
  readonly stat?: OpResponse<'exists'>['stat'];
  readonly data?: string | null;
  readonly children?: readonly (string | null)[] | null;
}

/** The results of a multi or multiRead; throws unless the body ends with the end marker. */
export function multiResults(reply: Reply): PartResult[] {
  const body = new JuteReader(reply.body);
  const results: PartResult[] = [];
  for (;;) {
    const { type, done, err } = records.multiHeader.read(body);
    if (done) {
      if (type !== -1 || err !== -1 || body.remaining !== 0) throw new Error('the end marker is wrong');
      return results;
    }
    results.push({ type, err, ...partBody(type, err, body) });
  }
}

function partBody(type: number, err: number, body: JuteReader): Omit<PartResult, 'type' | 'err'> {
  switch (type) {
    case -1:
      if (records.errorResponse.read(body).err !== err) throw new Error('two different codes in one result');
      return {};
    case opcodes.create:
      return { path: body.text() };
    case opcodes.create2:
      return records.create2Response.read(body);
    case opcodes.setData:
      return records.statResponse.read(body);
    case opcodes.getData: {
      const { data, stat } = records.dataResponse.read(body);
      return { data: textOf(data), stat };
    }
    case opcodes.getChildren:
      return records.childrenResponse.read(body);
    default:
      return {};
  }
}
