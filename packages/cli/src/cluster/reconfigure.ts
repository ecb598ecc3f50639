// corral cluster add, remove, reconfig: reads the configuration, shows what the change would do to the quorum, asks where
// that is for the worse, and changes it only if it is still the one that was shown.

import { EnsembleConfigError, parseEnsembleConfig, sameMembers, zxidHex } from '@corral/protocol';
import type { EnsembleConfig } from '@corral/protocol';
import type { CallOptions, Client, ZkErrorCode } from '@corral/client';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { printJson } from '../output.ts';
import { withClient } from '../with-client.ts';
import type { GlobalOptions } from '../with-client.ts';
import { askServer } from './ask.ts';
import { isAnyAddress, preview, previewJson, previewText } from './change.ts';
import type { Change, Preview } from './change.ts';

export interface ReconfigureFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** A server that joins runs next to others: it answers soon or not at all. */
const askMsMax = 3000;

/** A refusal, with what to do about it. Keeps the code, which decides the exit code. */
class ReconfigRefused extends Error {
  override readonly name = 'ReconfigRefused';
  readonly code: string;
  constructor(code: string, message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export async function reconfigure(
  change: Change,
  flags: ReconfigureFlags,
  globals: GlobalOptions,
  context: Context,
): Promise<void> {
  await withClient(globals, 'one command', async ({ client, call }) => {
    const before = await currentConfig(client, call);
    const planned = await withSilentJoiners(plan(before, change), globals.timeout);
    const isText = globals.output === 'text';
    if (flags.dryRun === true) {
      if (isText) context.stdout.write(previewText(planned));
      else await printJson(context, globals.output, { dryRun: true, ...previewJson(planned) });
      return;
    }
    if (isText) context.stderr.write(previewText(planned));
    if (planned.changesNothing) {
      if (!isText)
        await printJson(context, globals.output, {
          dryRun: false,
          ...previewJson(planned),
          version: zxidHex(before.version),
        });
      return;
    }
    if (planned.lowersTolerance && flags.yes !== true && !(await confirmed(context))) return;
    const config = await submit(client, change, planned, globals);
    const version = zxidHex(config.version);
    if (isText) context.stderr.write(`done: the configuration has version ${version} now\n`);
    else await printJson(context, globals.output, { dryRun: false, ...previewJson(planned), version });
  });
}

/** Mistakes in what was written are mistakes of the command line. */
function plan(before: EnsembleConfig, change: Change): Preview {
  try {
    return preview(before, change);
  } catch (error) {
    if (error instanceof EnsembleConfigError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/** A voter that does not run counts as a failure from the moment it belongs to the ensemble. */
async function withSilentJoiners(planned: Preview, timeoutMs: number): Promise<Preview> {
  const { before, after } = planned;
  const joining = [...after.members.values()].filter(({ sid, client }) => !before.members.has(sid) && client);
  const warnings = await Promise.all(
    joining.map(async ({ sid, addresses, role, client }) => {
      const host = isAnyAddress(client!.host) ? addresses[0].host : client!.host;
      const facts = await askServer({ host, port: client!.port }, Math.min(timeoutMs, askMsMax));
      if (facts.kind !== 'unreachable') return [];
      const counts = role === 'participant' ? ', and it counts as a failure until it runs' : '';
      return [`server ${sid} does not answer at ${host}:${client!.port} (${facts.reason})${counts}`];
    }),
  );
  const silent = warnings.flat();
  const lowers = joining.some(({ role }) => role === 'participant') && silent.length > 0;
  return {
    ...planned,
    warnings: [...planned.warnings, ...silent],
    lowersTolerance: planned.lowersTolerance || lowers,
  };
}

async function currentConfig(client: Client, call: CallOptions): Promise<EnsembleConfig> {
  // What a follower has may be old; after a sync it is at least as new as this command.
  await client.sync('/zookeeper/config', call);
  const { config } = await client.getConfig(call);
  if (config === '') {
    throw new ReconfigRefused('Unimplemented', 'this server stands alone: it is not part of an ensemble', undefined);
  }
  return parseEnsembleConfig(config);
}

async function confirmed(context: Context): Promise<boolean> {
  if (context.stdin.isTTY !== true) throw new UsageError('the change lowers the tolerance: confirm with --yes');
  context.stderr.write('Do it anyway? [y/N] ');
  for await (const line of context.stdin) return /^y(es)?\s*$/i.test(line.toString());
  return false;
}

async function submit(
  client: Client,
  change: Change,
  planned: Preview,
  globals: GlobalOptions,
): Promise<EnsembleConfig> {
  const wanted =
    change.kind === 'bulk'
      ? { members: change.members }
      : {
          ...(change.joining.length > 0 ? { joining: change.joining } : {}),
          ...(change.leaving.length > 0 ? { leaving: change.leaving.map(String) } : {}),
        };
  try {
    const fromConfig = BigInt(planned.before.version);
    const { config } = await client.reconfig({ ...wanted, fromConfig }, { timeout: globals.timeout });
    return parseEnsembleConfig(config);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? (error.code as ZkErrorCode) : undefined;
    if (code === undefined) throw error;
    if (isAmbiguous(error)) return outcomeOf(planned, globals, error);
    const advice = adviceFor[code];
    if (advice === undefined) throw error;
    throw new ReconfigRefused(code, advice, error);
  }
}

const isAmbiguous = (error: unknown): boolean => (error as { readonly ambiguous?: boolean }).ambiguous === true;

/** A change of the leader breaks connections, also that of whoever asked for it: the configuration tells how it went. */
async function outcomeOf(planned: Preview, globals: GlobalOptions, error: unknown): Promise<EnsembleConfig> {
  const deadline = Date.now() + globals.timeout;
  for (;;) {
    try {
      const now = await withClient(globals, 'one command', ({ client, call }) => currentConfig(client, call));
      if (sameMembers(now, planned.after)) return now;
      const message = `the connection broke, and the configuration has not changed (version ${zxidHex(now.version)}); try again`;
      throw new ReconfigRefused('ConnectionLoss', message, error);
    } catch (failure) {
      if (failure instanceof ReconfigRefused || Date.now() > deadline) throw failure;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

const adviceFor: { readonly [C in ZkErrorCode]?: string } = {
  ReconfigDisabled:
    'ReconfigDisabled: reconfiguration is switched off. Set reconfigEnabled=true in the zoo.cfg of every server and ' +
    'restart them one by one',
  NoAuth:
    'NoAuth: this needs write permission on /zookeeper/config, which only the super user has at first. Start the servers ' +
    'with -Dzookeeper.DigestAuthenticationProvider.superDigest=super:<digest> and connect with ' +
    '--server zk://super:<password>@host:port; or let super grant it to somebody else in the ACL of /zookeeper/config',
  NewConfigNoQuorum:
    'NewConfigNoQuorum: no quorum of the new members is connected to the leader and up to date. Start the servers that ' +
    'join first, with the present members and themselves in their configuration, wait until "corral cluster status" ' +
    'on them shows follower or observer, then try again',
  BadVersion: 'BadVersion: somebody else has changed the members in the meantime; look at them again and repeat',
  ReconfigInProgress: 'ReconfigInProgress: another change is on its way; wait until it is done and try again',
  Unimplemented: 'Unimplemented: this server is not part of an ensemble that can be changed',
  BadArguments:
    'BadArguments: the leader refuses this list; the usual reasons are fewer than two voters (one, with ' +
    'standaloneEnabled=false), a missing client port, or an address that two servers share',
};
