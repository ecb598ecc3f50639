// A write between its proposal and its application: the transaction and whoever waits for the answer.

import type { Txn, TxnHeader } from '../log/txn.ts';
import type { Connection } from './connection.ts';

export interface Write {
  readonly kind: 'write';
  /** Undefined for the server's own: expiry and reaping. */
  readonly connection: Connection | undefined;
  readonly xid: number;
  readonly opcode: number;
  readonly header: TxnHeader;
  readonly txn: Txn;
  /** Paths whose pending state this write changed. */
  readonly touched: readonly string[];
  /** Opcodes of a multi's parts, in order. */
  readonly partOpcodes: readonly number[] | undefined;
  readonly receivedAt: number;
}
