// How long a transaction is once it is written: asked before it is logged, because what is logged has to travel. A record
// that a learner, a later start or Apache's server cannot read could not be taken back.

import type { Acl } from '@corral/protocol';
import { txnDigestBytes, txnHeaderBytes } from './txn-codec.ts';
import type { SingleTxn, Txn } from './txn.ts';

/** Length field of a string, a buffer or a list, and any other integer. */
const intBytes = 4;
/** A UTF-16 unit takes at most so many bytes. */
const unitBytesMax = 3;

/** Whether the payload takes at most so many bytes. */
export function fitsInto(bytesMax: number, txn: Txn): boolean {
  // Nearly all are far from the limit: counting every letter is only for those that are not.
  return sizeOf(txn, atMost) <= bytesMax || sizeOf(txn, exactly) <= bytesMax;
}

type TextSize = (text: string | null) => number;

const atMost: TextSize = (text) => intBytes + unitBytesMax * (text?.length ?? 0);

const exactly: TextSize = (text) => {
  let bytes = intBytes;
  for (const letter of text ?? '') {
    const code = letter.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
};

const aclSize = (acl: readonly Acl[], text: TextSize): number =>
  acl.reduce((sum, { id }) => sum + intBytes + text(id.scheme) + text(id.id), intBytes);

function sizeOf(txn: Txn, text: TextSize): number {
  const around = txnHeaderBytes + txnDigestBytes;
  switch (txn.kind) {
    case 'createSession':
      return around + intBytes;
    case 'closeSession':
      return (txn.paths ?? []).reduce((sum, path) => sum + text(path), around + intBytes);
    case 'multi':
      return txn.parts.reduce((sum, part) => sum + 2 * intBytes + singleSize(part, text), around + intBytes);
    default:
      return around + singleSize(txn, text);
  }
}

function singleSize(txn: SingleTxn, text: TextSize): number {
  switch (txn.kind) {
    case 'create': {
      const fixed = 1 + intBytes + 8;
      return text(txn.path) + intBytes + (txn.data?.length ?? 0) + aclSize(txn.acl, text) + fixed;
    }
    case 'setData':
      return text(txn.path) + 2 * intBytes + (txn.data?.length ?? 0);
    case 'setAcl':
      return text(txn.path) + aclSize(txn.acl, text) + intBytes;
    case 'error':
      return intBytes;
    default:
      return text(txn.path) + intBytes;
  }
}
