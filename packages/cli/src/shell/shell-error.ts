// What a command of the compatible shell fails with: a text for stderr and the exit code that goes with it.

import type { ZkErrorCode } from '@corral/client';

export class ShellError extends Error {
  override readonly name = 'ShellError';
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Errors that the shell puts in words of its own, before the path. */
const plainTexts: { readonly [C in ZkErrorCode]?: string } = {
  BadArguments: 'Arguments are not valid : ',
  BadVersion: 'version No is not valid : ',
  InvalidAcl: 'Acl is not valid : ',
  NoAuth: 'Insufficient permission : ',
  NoChildrenForEphemerals: 'Ephemerals cannot have children: ',
  NoNode: 'Node does not exist: ',
  NodeExists: 'Node already exists: ',
  NotEmpty: 'Node not empty: ',
  NotReadOnly: 'Not a read-only call: ',
  QuotaExceeded: 'Quota has exceeded : ',
};

const wholeTexts: { readonly [C in ZkErrorCode]?: string } = {
  NewConfigNoQuorum:
    'No quorum of new config is connected and up-to-date with the leader of last commmitted config - try invoking ' +
    'reconfiguration after new servers are connected and synced',
  ReconfigInProgress: 'Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)',
};

/** Where the name in a message differs from the name of the code. */
const spokenNames: { readonly [C in ZkErrorCode]?: string } = {
  Aborted: 'ConnectionLoss',
  ApiError: 'APIError',
  Closing: 'Session expired',
  ConnectFailed: 'ConnectionLoss',
  EphemeralOnLocalSession: 'Ephemeral node on local session',
  NoWatcher: 'No such watcher',
  QueueFull: 'ConnectionLoss',
  ReconfigDisabled: 'Reconfig is disabled',
  SessionClosedRequireAuth: 'Session closed because client failed to authenticate',
  SessionExpired: 'Session expired',
  SessionMoved: 'Session moved',
  ThrottledOp: 'Op throttled due to high load',
};

/** The line that zkCli prints for an error that a server sent, or the client met. */
export function errorLine(code: ZkErrorCode, path: string | null): string {
  const plain = plainTexts[code];
  if (plain !== undefined) return `${plain}${path}`;
  return wholeTexts[code] ?? `KeeperErrorCode = ${spokenNames[code] ?? code}${path === null ? '' : ` for ${path}`}`;
}
