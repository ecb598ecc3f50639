// A multi: its parts are prepared one after another, each seeing the ones before. When one fails, everything is taken
// back, and the transaction records which part failed and why, as replicas and clients expect.

import { ProtocolError, createModes, errorCodes, opcodes, records } from '@corral/protocol';
import type { JuteReader } from '@corral/protocol';
import type { MultiTxn, SingleTxn } from '../log/txn.ts';
import type { Context } from './context.ts';
import { prepareSingle } from './prepare.ts';
import type { Requester } from './prepare.ts';

interface Part {
  readonly opcode: number;
  readonly start: number;
}

/** Records of the operations a multi may hold: used to find where each part ends. */
const layouts = new Map<number, { read(body: JuteReader): unknown }>([
  [opcodes.create, records.createRequest],
  [opcodes.create2, records.createRequest],
  [opcodes.createContainer, records.createRequest],
  [opcodes.createTTL, records.createTtlRequest],
  [opcodes.delete, records.pathVersionRequest],
  [opcodes.setData, records.setDataRequest],
  [opcodes.check, records.pathVersionRequest],
]);

export interface PreparedMulti {
  readonly txn: MultiTxn;
  readonly opcodes: readonly number[];
}

/** Throws ProtocolError when the request as a whole is not a multi of writes. */
export function prepareMulti(ctx: Context, by: Requester, body: JuteReader): PreparedMulti {
  const parts = findParts(body);
  const end = body.at;
  const txns: SingleTxn[] = [];
  let failed = false;
  for (const part of parts) {
    if (failed) {
      txns.push({ kind: 'error', code: errorCodes.RuntimeInconsistency });
      continue;
    }
    body.at = part.start;
    const prepared = prepareSingle(ctx, by, part.opcode, body);
    if (typeof prepared === 'number') {
      failed = true;
      ctx.outstanding.rollBack();
      txns.push({ kind: 'error', code: prepared });
    } else txns.push(prepared);
  }
  body.at = end;
  return { txn: { kind: 'multi', parts: txns }, opcodes: parts.map((part) => part.opcode) };
}

function findParts(body: JuteReader): Part[] {
  const parts: Part[] = [];
  for (;;) {
    const opcode = body.int();
    const isEnd = body.bool();
    body.int();
    if (isEnd) return parts;
    const layout = layouts.get(opcode);
    if (layout === undefined) throw new ProtocolError(`operation ${opcode} cannot be part of a multi`);
    parts.push({ opcode, start: body.at });
    const request = layout.read(body);
    checkWhole(request as { path: string | null; flags?: number });
  }
}

/** A null path or unknown create flags spoil the whole request, not just the part. */
function checkWhole(request: { path: string | null; flags?: number }): void {
  if (request.path === null) throw new ProtocolError('a part of the multi has no path');
  const { flags } = request;
  if (flags !== undefined && (flags < 0 || flags > createModes.sequentialTtl))
    throw new ProtocolError(`create flags ${flags} do not exist`);
}
