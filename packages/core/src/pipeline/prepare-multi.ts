// A multi: its parts are prepared one after another, each seeing the ones before. When one fails, everything is taken
// back, and the transaction records which part failed and why, as replicas and clients expect.

import { ProtocolError, createModes, errorCodes, opcodes } from '@corral/protocol';
import type { JuteReader } from '@corral/protocol';
import type { ErrorTxn, MultiTxn, SingleTxn } from '../log/txn.ts';
import type { Context } from './context.ts';
import { createsEphemeral, prepareSingle } from './prepare.ts';
import type { Requester } from './prepare.ts';
import { costs } from './work.ts';

interface Part {
  readonly opcode: number;
  readonly start: number;
}

/** How to step over the request of each operation a multi may hold; what is given back is the operation it amounts to. */
const steps = new Map<number, (body: JuteReader, opcode: number) => number>([
  [opcodes.create, skipCreate],
  [opcodes.create2, skipCreate],
  [opcodes.createContainer, skipCreate],
  [opcodes.createTTL, skipCreateTtl],
  [opcodes.delete, skipPathVersion],
  [opcodes.setData, skipSetData],
  [opcodes.check, skipPathVersion],
]);

export interface PreparedMulti {
  readonly txn: MultiTxn | ErrorTxn;
  readonly opcodes: readonly number[];
}

/** What is no multi of writes as a whole is a failed transaction all the same: it has a zxid, as at other servers. */
export function prepareMulti(ctx: Context, by: Requester, body: JuteReader): PreparedMulti {
  try {
    const parts = findParts(body);
    ctx.work.spend(parts.length * costs.part);
    return prepareParts(ctx, by, body, parts);
  } catch (error) {
    ctx.outstanding.rollBack();
    if (!(error instanceof ProtocolError)) throw error;
    return { txn: { kind: 'error', code: errorCodes.MarshallingError }, opcodes: [] };
  }
}

function prepareParts(ctx: Context, by: Requester, body: JuteReader, parts: readonly Part[]): PreparedMulti {
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
    // What cannot be understood fails the whole request and names no part.
    if (prepared === errorCodes.MarshallingError) throw new ProtocolError('a part of the multi makes no sense');
    if (typeof prepared === 'number') {
      failed = true;
      ctx.outstanding.rollBack();
      // What would have happened need not be told: nobody applies it, and it would have to travel all the same.
      txns.fill({ kind: 'error', code: errorCodes.Ok });
      txns.push({ kind: 'error', code: prepared });
    } else txns.push(prepared);
  }
  body.at = end;
  return { txn: { kind: 'multi', parts: txns }, opcodes: parts.map((part) => part.opcode) };
}

/** Opcodes of the parts, in order; undefined when this is no multi of writes, which the leader will find as well. */
export function multiOpcodes(body: JuteReader): readonly number[] | undefined {
  try {
    return findParts(body).map(({ opcode }) => opcode);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return undefined;
  }
}

/** Whether one of the parts creates an ephemeral. */
export function multiCreatesEphemeral(body: JuteReader): boolean {
  return findParts(body).some(({ opcode, start }) => {
    body.at = start;
    return (opcode === opcodes.create || opcode === opcodes.create2) && createsEphemeral(body);
  });
}

function findParts(body: JuteReader): Part[] {
  const parts: Part[] = [];
  for (;;) {
    const opcode = body.int();
    const isEnd = body.bool();
    body.int();
    if (isEnd) return parts;
    const step = steps.get(opcode);
    if (step === undefined) throw new ProtocolError(`operation ${opcode} cannot be part of a multi`);
    const start = body.at;
    parts.push({ opcode: step(body, opcode), start });
  }
}

// A null path, a create without a list of ACLs or unknown create flags spoil the whole request, not just the part.

function skipPath(body: JuteReader): void {
  if (body.skipField() < 0) throw new ProtocolError('a part of the multi has no path');
}

function skipPathVersion(body: JuteReader, opcode: number): number {
  skipPath(body);
  body.int();
  return opcode;
}

function skipSetData(body: JuteReader, opcode: number): number {
  skipPath(body);
  body.skipField();
  body.int();
  return opcode;
}

/** The fields of every create: its flags, and whether there is a list of ACLs. */
function skipNode(body: JuteReader): { readonly flags: number; readonly hasAcl: boolean } {
  skipPath(body);
  body.skipField();
  const entries = body.count();
  for (let left = entries; left > 0; left--) {
    body.int();
    body.skipField();
    body.skipField();
  }
  return { flags: body.int(), hasAcl: entries >= 0 };
}

// Inside a multi the flags say what kind of node is made and the opcode gives way, unlike outside of one: ZooKeeper makes
// each part anew from its flags. Mixed ensembles need the same transaction from either leader.

function skipCreate(body: JuteReader, opcode: number): number {
  const { flags, hasAcl } = skipNode(body);
  if (flags < 0 || flags >= createModes.ttl) throw new ProtocolError(`create flags ${flags} cannot be part of a multi`);
  if (!hasAcl) throw new ProtocolError('a create of the multi has no list of ACLs');
  return flags === createModes.container ? opcodes.createContainer : opcode;
}

function skipCreateTtl(body: JuteReader): number {
  const { flags } = skipNode(body);
  body.longNumber();
  if (flags === createModes.ttl || flags === createModes.sequentialTtl) return opcodes.createTTL;
  return flags === createModes.container ? opcodes.createContainer : opcodes.create;
}
