// Tracing for Node: three tracing channels of `node:diagnostics_channel`, `corral:request`, `corral:connect` and
// `corral:watch`. Without subscribers they cost a look at a flag.

import { tracingChannel } from 'node:diagnostics_channel';
import type { TracingChannel } from 'node:diagnostics_channel';
import type { ConnectTrace, RequestTrace, Tracer, WatchTrace } from './tracing.ts';

export const channels = {
  request: tracingChannel<object, RequestTrace>('corral:request'),
  connect: tracingChannel<object, ConnectTrace>('corral:connect'),
  watch: tracingChannel<object, WatchTrace>('corral:watch'),
};

export const diagnosticsTracer: Tracer = {
  request: (trace, run) => traced(channels.request, trace, run),
  connect: (trace, run) => traced(channels.connect, trace, run),
  watch(trace, run) {
    if (heard(channels.watch)) channels.watch.traceSync(run, trace);
    else run();
  },
};

const heard = <C extends object>({ start, end, asyncStart, asyncEnd, error }: TracingChannel<object, C>): boolean =>
  start.hasSubscribers ||
  end.hasSubscribers ||
  asyncStart.hasSubscribers ||
  asyncEnd.hasSubscribers ||
  error.hasSubscribers;

function traced<C extends object, T>(channel: TracingChannel<object, C>, trace: C, run: () => Promise<T>): Promise<T> {
  if (!heard(channel)) return run();
  // The channel publishes what its promise resolves to: it gets one without the value.
  let outcome!: Promise<T>;
  const shown = channel.tracePromise(() => {
    outcome = run();
    return outcome.then(() => undefined);
  }, trace);
  shown.catch(() => undefined);
  return outcome;
}
