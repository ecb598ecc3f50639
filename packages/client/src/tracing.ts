// What can be watched from outside while the client works: who asked for what, where it connects, which watches fire.
// Paths are told, values never.

import type { OpName } from '@corral/protocol';
import type { WatchEventType } from './watches.ts';

/** One request as a tracer sees it. */
export interface RequestTrace {
  readonly op: OpName;
  readonly path: string | null;
  /** Session at the time of the call. */
  readonly session: bigint | null;
}
/** One attempt to connect as a tracer sees it. */
export interface ConnectTrace {
  readonly host: string;
  readonly address: string;
  readonly port: number;
}
/** One event of a watch as a tracer sees it. */
export interface WatchTrace {
  readonly type: WatchEventType;
  readonly path: string;
  readonly zxid: bigint | null;
}

/** Runs what it is given and tells whom it likes. It must return what `run` returned. */
export interface Tracer {
  /** From the call to its answer, waiting for a connection included. */
  request<T>(trace: RequestTrace, run: () => Promise<T>): Promise<T>;
  /** From the dial to the end of the handshake, identities included. */
  connect(trace: ConnectTrace, run: () => Promise<void>): Promise<void>;
  /** A listener at work. */
  watch(trace: WatchTrace, run: () => void): void;
}

export const untraced: Tracer = {
  request: (_, run) => run(),
  connect: (_, run) => run(),
  watch: (_, run) => run(),
};
