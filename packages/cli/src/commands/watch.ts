// corral watch <path>: prints changes as they happen, until interrupted. Survives reconnects and new sessions; `reset`
// says that something may have been missed.

import type { Command } from 'commander';
import type { CallOptions, Client, StreamEvent } from '@corral/client';
import { runChild } from '../child.ts';
import type { Context } from '../context.ts';
import { dataJson, hex, printJson } from '../output.ts';
import { ifThere } from '../tree.ts';
import { examples, line } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';

interface WatchFlags {
  readonly recursive?: boolean;
  readonly exec?: string;
}

export function registerWatch(program: Command, context: Context): void {
  const watching = program
    .command('watch')
    .argument('<path>')
    .option('-R, --recursive', 'watch everything below it, too')
    .option('--exec <command>', 'run this for every change, with CORRAL_EVENT and CORRAL_PATH, the data on its input')
    .description('print changes of a node until interrupted')
    .action(async (path: string, options: WatchFlags, command: Command) => {
      const globals = globalsOf(command);
      const signal = context.interrupted();
      // The watch outlasts an outage, and so does looking at what has changed: its call has no limit but the interruption.
      const call: CallOptions = { timeout: Infinity, signal };
      await withClient(globals, 'until interrupted', async ({ client }) => {
        client.on('state', (state) => context.stderr.write(line(state)));
        const events = client.watch(path, { recursive: options.recursive === true, signal });
        await events.ready;
        context.stderr.write(line(`watching ${path}`));
        const tell = async (event: StreamEvent): Promise<void> => {
          if (options.exec !== undefined) {
            await execute(options.exec, client, event, call, context);
            return;
          }
          const t = new Date().toISOString();
          if (globals.output === 'text') context.stdout.write(line(`${t} ${event.type} ${event.path}`));
          else await printJson(context, 'ndjson', { t, ...(await describe(client, event, call)) });
        };
        for await (const event of events) {
          await tell(event).catch((error: unknown) => {
            if (!signal.aborted) throw error;
          });
        }
      });
    });
  examples(watching, 'watch -R /config', 'watch /config --exec ./reload.sh', 'watch -R / -o ndjson | jq .path');
}

/** One at a time: the next event waits. A command that fails is reported, and the watch goes on. */
async function execute(
  script: string,
  client: Client,
  { type, path }: StreamEvent,
  call: CallOptions,
  context: Context,
): Promise<void> {
  const found = type === 'created' || type === 'changed' ? await ifThere(client.get(path, call)) : null;
  const env = { ...context.env, CORRAL_EVENT: type, CORRAL_PATH: path };
  const input = found === null ? '' : Buffer.from(found.data).toString();
  const code = await runChild(['sh', '-c', script], { env, input });
  if (code !== 0) context.stderr.write(line(`${script} ended with ${code} after ${type} ${path}`));
}

/** The event with what the node holds now, which may be newer than the event. */
async function describe(client: Client, event: StreamEvent, call: CallOptions): Promise<object> {
  const { type, path } = event;
  const shown = { type, path, zxid: event.zxid === null ? null : hex(event.zxid) };
  if (type !== 'created' && type !== 'changed') return shown;
  try {
    const found = await client.get(path, call);
    return { ...shown, version: found.stat.version, ...dataJson(found) };
  } catch (error) {
    // Gone again, or not ours to read: the event itself still stands.
    if (error instanceof Error && 'code' in error && (error.code === 'NoNode' || error.code === 'NoAuth')) return shown;
    throw error;
  }
}
