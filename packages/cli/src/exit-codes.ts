// Exit codes are part of the interface: scripts branch on them.

import type { ZkErrorCode } from '@corral/client';

export const exitCodes = {
  ok: 0,
  /** The operation was refused. */
  failed: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** No server could be reached, or the link broke. */
  connect: 3,
  /** Not allowed, or the credentials were refused. */
  auth: 4,
  notFound: 5,
  /** Exists already, has another version, or has children. */
  conflict: 6,
  timeout: 124,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A mistake on the command line that the parser cannot see. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What a command finds out by itself, with the exit code that belongs to an error of the client's. */
export class CodedError extends Error {
  override readonly name: string = 'CodedError';
  readonly code: ZkErrorCode;

  constructor(code: ZkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const byCode: { readonly [C in ZkErrorCode]?: ExitCode } = {
  AuthFailed: exitCodes.auth,
  BadVersion: exitCodes.conflict,
  ConnectFailed: exitCodes.connect,
  ConnectionLoss: exitCodes.connect,
  NoAuth: exitCodes.auth,
  NoNode: exitCodes.notFound,
  NodeExists: exitCodes.conflict,
  NotEmpty: exitCodes.conflict,
  OperationTimeout: exitCodes.timeout,
  QueueFull: exitCodes.connect,
};

const fileProblems: Readonly<Record<string, string | undefined>> = {
  EACCES: 'permission denied',
  EEXIST: 'it is there already',
  EISDIR: 'it is a folder',
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of the path is no folder',
};

/** What is wrong with a file of the command line: a mistake there, not a problem of the data. Undefined for other errors. */
export function fileProblem(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  const problem = fileProblems[String(error.code)];
  if (problem === undefined) return undefined;
  return 'path' in error ? `${String(error.path)}: ${problem}` : problem;
}

/** Judges by shape instead of class, so that no command has to load the client to be told that it failed. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError || error instanceof TypeError || fileProblem(error) !== undefined)
    return exitCodes.usage;
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return exitCodes.failed;
  if (error.name === 'ConnectError' && error.code !== 'AuthFailed') return exitCodes.connect;
  return byCode[error.code as ZkErrorCode] ?? exitCodes.failed;
}
