// The bridge to OpenTelemetry: a span for every request and every attempt to connect, made from the tracing channels. An
// entry of its own, so that only those who call it need `@opentelemetry/api`.

import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, Span, Tracer } from '@opentelemetry/api';
import type { TracingChannel, TracingChannelSubscribers } from 'node:diagnostics_channel';
import { channels } from './diagnostics.ts';
import type { ConnectTrace, RequestTrace } from './tracing.ts';

export interface OpenTelemetryOptions {
  /** The global provider's tracer `@corral/client` unless given. */
  readonly tracer?: Tracer;
}

/** Makes spans of all clients in this process from now on; the result ends that. */
export function traceWithOpenTelemetry(options: OpenTelemetryOptions = {}): () => void {
  const tracer = options.tracer ?? trace.getTracer('@corral/client');
  const stops = [
    spans(channels.request, tracer, ({ op, path }) => ({
      name: `zookeeper ${op}`,
      attributes: {
        'db.system.name': 'zookeeper',
        'db.operation.name': op,
        ...(path !== null && { 'zookeeper.path': path }),
      },
    })),
    spans(channels.connect, tracer, ({ host, address, port }) => ({
      name: 'zookeeper connect',
      attributes: { 'server.address': host, 'server.port': port, 'network.peer.address': address },
    })),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function spans<C extends RequestTrace | ConnectTrace>(
  channel: TracingChannel<object, C>,
  tracer: Tracer,
  describe: (context: C) => { readonly name: string; readonly attributes: Attributes },
): () => void {
  const open = new WeakMap<C, Span>();
  const subscribers: TracingChannelSubscribers<C> = {
    start(context) {
      const { name, attributes } = describe(context);
      open.set(context, tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }));
    },
    end: () => undefined,
    asyncStart: () => undefined,
    asyncEnd: (context) => open.get(context)?.end(),
    error(context) {
      const { error } = context;
      const span = open.get(context);
      if (!(error instanceof Error) || span === undefined) return;
      span.recordException(error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    },
  };
  channel.subscribe(subscribers);
  return () => channel.unsubscribe(subscribers);
}
