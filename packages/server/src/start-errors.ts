// Why a server did not start, in one sentence that says what to do. Only what nobody has foreseen keeps its stack.

import { RecoveryRefused } from '@corral/core';
import type { LoadedConfig } from './config/load.ts';
import { DataDirInUse } from './data-lock.ts';

/** What a failed system call tells, as far as Node fills it in. */
interface Failure extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
}

export function explainStartError(error: unknown, loaded: Pick<LoadedConfig, 'config' | 'ensemble'>): string {
  if (error instanceof RecoveryRefused || error instanceof DataDirInUse) return error.message;
  if (!(error instanceof Error)) return String(error);
  const failure: Failure = error;
  const text =
    failure.syscall === 'listen' || failure.syscall === 'getaddrinfo' ? network(failure, loaded) : file(failure);
  return text ?? failure.stack ?? failure.message;
}

function network(
  failure: Failure,
  { config, ensemble }: Pick<LoadedConfig, 'config' | 'ensemble'>,
): string | undefined {
  const { code, port } = failure;
  const host = failure.hostname ?? failure.address ?? '';
  const own = ensemble?.config.members.get(ensemble.sid);
  const isOwn = own?.addresses.some((address) => address.host === host) === true;
  const where = isOwn
    ? `the line server.${own.sid}`
    : host === config.clientPortAddress
      ? 'clientPortAddress'
      : 'the configuration';
  const wrongId = isOwn
    ? `; if server.${own.sid} is another machine, change ${config.dataDir}/myid, otherwise correct the line or set quorumListenOnAllIPs=true`
    : `; name an address of this machine, or none for all of them`;
  switch (code) {
    case 'EADDRINUSE':
      return port === config.clientPort || port === undefined
        ? `port ${config.clientPort} is in use by another program; stop it or choose another clientPort`
        : `port ${port} of ${host} is in use by another program; stop it or choose another port in ${where}`;
    case 'EADDRNOTAVAIL':
      return `${host}, which ${where} names, is not an address of this machine${wrongId}`;
    case 'EACCES':
      return `no permission to listen on port ${port}; ports below 1024 are for root, choose a higher one`;
    default:
      return failure.syscall === 'getaddrinfo'
        ? `the name ${host}, which ${where} gives, cannot be resolved (${code})${wrongId}`
        : undefined;
  }
}

function file({ code, path, syscall, message }: Failure): string | undefined {
  const name = path ?? 'the current directory';
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `no permission: ${message}; give the user of this process access to ${name}`;
    case 'EROFS':
      return `${name} is on a file system that is mounted read-only; choose another dataDir or dataLogDir`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `no space is left for ${name}; make room and start again`;
    case 'ENOTDIR':
    case 'EEXIST':
      return `${name}: a part of this path is a file where a directory is needed; choose another dataDir or dataLogDir, or move the file away`;
    case 'EISDIR':
      return `${name} is a directory where a file is needed; move it away`;
    case 'ENOENT':
      return `${name} does not exist${syscall === 'mkdir' ? ' and cannot be created there' : ''}; create it, or choose another dataDir or dataLogDir`;
    case 'EIO':
      return `${name} cannot be read: the disk fails (EIO); check it before anything else`;
    default:
      return undefined;
  }
}
