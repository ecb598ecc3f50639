// Prepare: checks a write against the tree as it will be when everything in flight is applied, and turns it into a
// transaction that says what happens rather than what was asked. The order of the checks is part of the protocol.
// A check that fails answers its error code instead of a transaction.

import {
  ProtocolError,
  errorCodes,
  limits,
  opcodes,
  parentPath,
  perms,
  records,
  sequenceSuffix,
  systemPaths,
} from '@corral/protocol';
import { createModes, isOpenAcl, isValidPath, openAcl } from '@corral/protocol';
import type { Acl, JuteReader, SessionId } from '@corral/protocol';
import type { CreateTxn, SingleTxn } from '../log/txn.ts';
import { storedOwner } from '../tree/owner.ts';
import type { Identity } from '../acl/schemes.ts';
import type { Context } from './context.ts';
import { costs } from './work.ts';

/** Who asks. */
export interface Requester {
  readonly session: SessionId;
  readonly identities: readonly Identity[];
  /** The code that refuses ephemerals to this session; 0 when it may have some. */
  readonly ephemeralRefusal: number;
}

export type Prepared = SingleTxn | number;

interface CreateArguments {
  readonly opcode: number;
  readonly path: string | null;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[] | null;
  readonly flags: number;
  readonly ttlMs: number;
}

const sequentialFlags: ReadonlySet<number> = new Set([
  createModes.persistentSequential,
  createModes.ephemeralSequential,
  createModes.sequentialTtl,
]);
const ephemeralFlags: ReadonlySet<number> = new Set([createModes.ephemeral, createModes.ephemeralSequential]);
const undeletable: ReadonlySet<string> = new Set(Object.values(systemPaths));

/** Behaviour of each write that stands for one transaction, by opcode. Inside a multi the same functions are used. */
const preparations = new Map<number, (ctx: Context, by: Requester, body: JuteReader, opcode: number) => Prepared>([
  [opcodes.create, prepareCreate],
  [opcodes.create2, prepareCreate],
  [opcodes.createContainer, prepareCreate],
  [opcodes.createTTL, prepareCreate],
  [opcodes.delete, prepareDelete],
  [opcodes.setData, prepareSetData],
  [opcodes.setACL, prepareSetAcl],
  [opcodes.check, prepareCheck],
]);

const isEphemeral = (opcode: number, flags: number): boolean =>
  ephemeralFlags.has(flags) && opcode !== opcodes.createContainer;

/** Whether the request of a plain create, at which `body` stands, is for an ephemeral. */
export function createsEphemeral(body: JuteReader): boolean {
  body.skipField();
  body.skipField();
  for (let left = body.count(); left > 0; left--) {
    body.int();
    body.skipField();
    body.skipField();
  }
  return ephemeralFlags.has(body.int());
}

/** Whether a deleteContainer is one that clients must not ask for; what is refused for its path has another code. */
export function isClientsDeleteContainer(body: JuteReader): boolean {
  const path = body.text();
  if (path === null) throw new ProtocolError('no path');
  return !undeletable.has(path);
}

const otherWrites: ReadonlySet<number> = new Set([
  opcodes.multi,
  opcodes.reconfig,
  opcodes.deleteContainer,
  opcodes.createSession,
  opcodes.closeSession,
]);

/** Whether an operation becomes a transaction. */
export const isWrite = (opcode: number): boolean => preparations.has(opcode) || otherWrites.has(opcode);

/** Throws ProtocolError when the body cannot be decoded. */
export function prepareSingle(ctx: Context, by: Requester, opcode: number, body: JuteReader): Prepared {
  return preparations.get(opcode)!(ctx, by, body, opcode);
}

function prepareCreate(ctx: Context, by: Requester, body: JuteReader, opcode: number): Prepared {
  const path = body.text();
  const data = body.view();
  const acl = body.vector(readAcl);
  const flags = body.int();
  const ttlMs = opcode === opcodes.createTTL ? body.longNumber() : 0;
  return planCreate(ctx, by, { opcode, path, data, acl, flags, ttlMs });
}

/** What is wrong with flags and TTL, whatever the tree holds; 0 when nothing is. */
function flagsProblem(ctx: Context, { opcode, flags, ttlMs }: CreateArguments): number {
  const isTtl = flags === createModes.ttl || flags === createModes.sequentialTtl;
  if (flags < 0 || flags > createModes.sequentialTtl) return errorCodes.BadArguments;
  if (isTtl && !ctx.options.extendedTypes) return errorCodes.Unimplemented;
  if (isTtl !== (opcode === opcodes.createTTL)) return errorCodes.BadArguments;
  if (isTtl && (ttlMs < 1 || ttlMs > limits.ttlMsMax)) return errorCodes.BadArguments;
  return 0;
}

function planCreate(ctx: Context, by: Requester, request: CreateArguments): Prepared {
  const { path: asked, opcode, flags } = request;
  const problem = flagsProblem(ctx, request);
  if (problem !== 0) return problem;
  const ephemeral = isEphemeral(opcode, flags);
  if (ephemeral && by.ephemeralRefusal !== 0) return by.ephemeralRefusal;
  if (asked === null) return errorCodes.MarshallingError;
  if (!asked.includes('/') || asked.includes('\0')) return errorCodes.BadArguments;
  const acl = fixedAcl(ctx, by, request.acl);
  if (typeof acl === 'number') return acl;
  const parentName = parentPath(asked);
  const parent = ctx.outstanding.get(parentName);
  if (parent === undefined) return errorCodes.NoNode;
  if (!ctx.permissions.allows(parent.acl, perms.create, by.identities)) return errorCodes.NoAuth;
  const path = sequentialFlags.has(flags) ? asked + sequenceSuffix(parent.cversion) : asked;
  if (!isValidPath(path)) return errorCodes.BadArguments;
  if (ctx.outstanding.get(path) !== undefined) return errorCodes.NodeExists;
  if (parent.owner !== 0n) return errorCodes.NoChildrenForEphemerals;
  const dataLength = request.data?.length ?? 0;
  const refused = ctx.options.enforceQuota ? ctx.tree.quotas.check(path, 1, dataLength) : 0;
  if (refused !== 0) return refused;

  const parentCversion = (parent.cversion + 1) | 0;
  ctx.outstanding.setChildren(parentName, parent, parent.children + 1, parentCversion);
  const code = opcode as CreateTxn['code'];
  const data = ctx.arena.copy(request.data);
  const { ttlMs } = request;
  const owner = ephemeral ? by.session : 0n;
  ctx.outstanding.add(path, { data, owner, acl, storedOwner: storedOwner(code, ttlMs, owner) });
  return { kind: 'create', code, path, data, acl, ephemeral, parentCversion, ttlMs };
}

function readAcl(body: JuteReader): Acl {
  return { perms: body.int(), id: { scheme: body.text(), id: body.text() } };
}

/** The list as it will be stored, or the code that refuses it. */
function fixedAcl(ctx: Context, by: Requester, acl: readonly Acl[] | null): readonly Acl[] | number {
  if (acl !== null && isOpenAcl(acl)) return openAcl;
  ctx.work.spend((acl?.length ?? 0) * costs.aclEntry);
  if (acl?.some(({ id }) => id.id === null && id.scheme !== null && id.scheme !== 'auth'))
    return errorCodes.MarshallingError;
  const fixed = ctx.permissions.fixUp(acl, by.identities, ctx.options.fieldBytesMax) ?? errorCodes.InvalidAcl;
  return fixed === 'tooLong' ? errorCodes.BadArguments : fixed;
}

function prepareDelete(ctx: Context, by: Requester, body: JuteReader): Prepared {
  const path = body.text();
  const version = body.int();
  if (path === null) return errorCodes.MarshallingError;
  if (!path.includes('/') || path.includes('\0') || undeletable.has(path)) return errorCodes.BadArguments;
  const parentName = parentPath(path);
  const parent = ctx.outstanding.get(parentName);
  if (parent === undefined) return errorCodes.NoNode;
  if (!ctx.permissions.allows(parent.acl, perms.delete, by.identities)) return errorCodes.NoAuth;
  const node = ctx.outstanding.get(path);
  if (node === undefined) return errorCodes.NoNode;
  if (version !== -1 && version !== node.version) return errorCodes.BadVersion;
  if (node.children > 0) return errorCodes.NotEmpty;
  ctx.outstanding.setChildren(parentName, parent, parent.children - 1, parent.cversion);
  ctx.outstanding.remove(path, node);
  return { kind: 'delete', code: 2, path };
}

/** Deletes a container or TTL node for the reaper, unless children have appeared meanwhile. */
export function prepareReap(ctx: Context, path: string): Prepared {
  const node = ctx.outstanding.get(path);
  const parentName = parentPath(path);
  const parent = ctx.outstanding.get(parentName);
  if (node === undefined || parent === undefined) return errorCodes.NoNode;
  if (node.children > 0) return errorCodes.NotEmpty;
  ctx.outstanding.setChildren(parentName, parent, parent.children - 1, parent.cversion);
  ctx.outstanding.remove(path, node);
  return { kind: 'delete', code: 20, path };
}

function prepareSetData(ctx: Context, by: Requester, body: JuteReader): Prepared {
  const path = body.text();
  const data = body.view();
  const version = body.int();
  if (path === null || !isValidPath(path)) return errorCodes.BadArguments;
  const node = ctx.outstanding.get(path);
  if (node === undefined) return errorCodes.NoNode;
  if (!ctx.permissions.allows(node.acl, perms.write, by.identities)) return errorCodes.NoAuth;
  const dataLength = data?.length ?? 0;
  const refused = ctx.options.enforceQuota ? ctx.tree.quotas.check(path, 0, dataLength - node.dataLength) : 0;
  if (refused !== 0) return refused;
  if (version !== -1 && version !== node.version) return errorCodes.BadVersion;
  const next = (node.version + 1) | 0;
  const kept = ctx.arena.copy(data);
  ctx.outstanding.setData(path, node, next, kept);
  return { kind: 'setData', code: 5, path, data: kept, version: next };
}

function prepareSetAcl(ctx: Context, by: Requester, body: JuteReader): Prepared {
  const { path, acl: asked, version } = records.setAclRequest.read(body);
  if (path === null || !isValidPath(path)) return errorCodes.BadArguments;
  const acl = fixedAcl(ctx, by, asked);
  if (typeof acl === 'number') return acl;
  const node = ctx.outstanding.get(path);
  if (node === undefined) return errorCodes.NoNode;
  if (!ctx.permissions.allows(node.acl, perms.admin, by.identities)) return errorCodes.NoAuth;
  if (version !== -1 && version !== node.aversion) return errorCodes.BadVersion;
  const next = (node.aversion + 1) | 0;
  ctx.outstanding.setAcl(path, node, next, acl);
  return { kind: 'setAcl', path, acl, version: next };
}

function prepareCheck(ctx: Context, by: Requester, body: JuteReader): Prepared {
  const path = body.text();
  const version = body.int();
  if (path === null || !isValidPath(path)) return errorCodes.BadArguments;
  const node = ctx.outstanding.get(path);
  if (node === undefined) return errorCodes.NoNode;
  if (!ctx.permissions.allows(node.acl, perms.read, by.identities)) return errorCodes.NoAuth;
  if (version !== -1 && version !== node.version) return errorCodes.BadVersion;
  return { kind: 'check', path, version: (node.version + 1) | 0 };
}
