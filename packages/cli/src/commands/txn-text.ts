// A transaction in one line for people, and as JSON for programs.

import type { SingleTxn, Txn, TxnRecord } from '@corral/core';
import { errorName, formatSessionId, formatZxid } from '@corral/protocol';

export function describeRecord({ header, txn }: TxnRecord): string {
  const time = new Date(header.time).toISOString();
  return `${formatZxid(header.zxid)}  ${time}  session ${formatSessionId(header.clientId)}  cxid ${header.cxid}  ${describeTxn(txn)}`;
}

function describeTxn(txn: Txn): string {
  switch (txn.kind) {
    case 'createSession':
      return `createSession timeout ${txn.timeoutMs} ms`;
    case 'closeSession':
      return `closeSession${txn.paths === null ? '' : ` deleting ${txn.paths.length} ephemeral nodes`}`;
    case 'multi':
      return `multi [${txn.parts.map(describeSingle).join('; ')}]`;
    default:
      return describeSingle(txn);
  }
}

function describeSingle(txn: SingleTxn): string {
  switch (txn.kind) {
    case 'create': {
      const how =
        txn.code === 19 ? ' container' : txn.code === 21 ? ` ttl ${txn.ttlMs} ms` : txn.ephemeral ? ' ephemeral' : '';
      return `create ${quote(txn.path)}${how} ${size(txn.data)}`;
    }
    case 'delete':
      return `${txn.code === 20 ? 'deleteContainer' : 'delete'} ${quote(txn.path)}`;
    case 'setData':
      return `${txn.code === 16 ? 'reconfig' : 'setData'} ${quote(txn.path)} ${size(txn.data)} version ${txn.version}`;
    case 'setAcl':
      return `setACL ${quote(txn.path)} ${txn.acl.length} entries version ${txn.version}`;
    case 'check':
      return `check ${quote(txn.path)} version ${txn.version}`;
    case 'error':
      return `error ${errorName(txn.code) ?? ''} (${txn.code})`;
  }
}

/** Names come from clients and may hold anything; a terminal must not be told what to do by one. */
export const quote = (path: string): string => (/^[\x21-\x7e]+$/.test(path) ? path : JSON.stringify(path));
const size = (data: Uint8Array | null): string => (data === null ? 'no data' : `${data.length} bytes`);

/** Numbers beyond what JSON readers keep exact become hex, bytes become base64. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item === 'bigint') return `0x${BigInt.asUintN(64, item).toString(16)}`;
    if (item instanceof Uint8Array) return Buffer.from(item).toString('base64');
    return item;
  });
}

export const recordJson = ({ header, txn, digest }: TxnRecord): string =>
  toJson({
    zxid: formatZxid(header.zxid),
    time: header.time,
    session: header.clientId,
    cxid: header.cxid,
    txn,
    digest,
  });
