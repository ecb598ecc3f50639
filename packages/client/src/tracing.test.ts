// What the client tells those who watch it: everything but the data.

import { tracingChannel } from 'node:diagnostics_channel';
import type { TracingChannelSubscribers } from 'node:diagnostics_channel';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { Span, SpanOptions, Tracer } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';
import { diagnosticsTracer } from './diagnostics.ts';
import { traceWithOpenTelemetry } from './opentelemetry.ts';
import { FakeTree } from './testing/fake-tree.ts';
import { rejection, setUp } from './testing/setup.ts';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function listen(name: string): { readonly stage: string; readonly context: object }[] {
  const heard: { stage: string; context: object }[] = [];
  const channel = tracingChannel<object, object>(name);
  const hear = (stage: string) => (context: object) => void heard.push({ stage, context: { ...context } });
  const subscribers = Object.fromEntries(
    ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((stage) => [stage, hear(stage)]),
  ) as unknown as TracingChannelSubscribers<object>;
  channel.subscribe(subscribers);
  stops.push(() => channel.unsubscribe(subscribers));
  return heard;
}

async function setUpTree() {
  const setup = await setUp({ tracer: diagnosticsTracer });
  const tree = new FakeTree();
  tree.write('/x', 'secret');
  setup.ensemble.handler = tree.handler;
  return { ...setup, tree };
}

describe('the tracing channels', () => {
  it('tell of requests and their ends, never of data', async () => {
    const heard = listen('corral:request');
    const { client } = await setUpTree();
    expect(await client.getText('/x')).toBe('secret');
    await client.set('/x', 'more secret');
    await rejection(client.delete('/missing'));
    const stages = (op: string): string[] =>
      heard.filter(({ context }) => (context as { op: string }).op === op).map(({ stage }) => stage);
    expect(stages('getData')).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(stages('delete')).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
    expect(heard[0].context).toMatchObject({ op: 'getData', path: '/x', session: 1n });
    expect(heard.at(-1)!.context).toMatchObject({ error: { code: 'NoNode' } });
    const told = heard.map(({ context }) => Object.values(context).map(String).join());
    expect(told.join()).not.toContain('secret');
  });

  it('tell of attempts to connect and of watches that fire', async () => {
    const connects = listen('corral:connect');
    const watches = listen('corral:watch');
    const { client, ensemble, clock, tree } = await setUpTree();
    await client.get('/x', { watch: () => undefined });
    tree.write('/x', 'secret');
    ensemble.manners.set('a', 'refuses');
    ensemble.link.fail();
    await clock.advance(60);
    expect(connects.map(({ stage }) => stage)).toEqual([
      ...['start', 'end', 'asyncStart', 'asyncEnd'],
      ...['start', 'end', 'error', 'asyncStart', 'asyncEnd'],
    ]);
    expect(connects[0].context).toMatchObject({ host: 'a', address: 'a', port: 1 });
    expect(watches.map(({ stage, context }) => [stage, context])).toMatchObject([
      ['start', { type: 'changed', path: '/x' }],
      ['end', { type: 'changed', path: '/x' }],
    ]);
  });
});

describe('the bridge to OpenTelemetry', () => {
  interface Recorded {
    readonly name: string;
    readonly options: SpanOptions | undefined;
    readonly events: string[];
  }

  function recorder(): { readonly tracer: Tracer; readonly spans: Recorded[] } {
    const spans: Recorded[] = [];
    const startSpan = (name: string, options?: SpanOptions): Span => {
      const span: Recorded = { name, options, events: [] };
      spans.push(span);
      return {
        recordException: (error: Error) => void span.events.push(error.name),
        setStatus: ({ code }: { code: SpanStatusCode }) => void span.events.push(SpanStatusCode[code]),
        end: () => void span.events.push('end'),
      } as unknown as Span;
    };
    return { tracer: { startSpan } as unknown as Tracer, spans };
  }

  it('makes a span of every request and connection until it is taken away', async () => {
    const { tracer, spans } = recorder();
    const stop = traceWithOpenTelemetry({ tracer });
    const { client } = await setUpTree();
    await client.get('/x');
    await rejection(client.delete('/missing'));
    stop();
    await client.get('/x');
    expect(spans.map(({ name, events }) => [name, ...events])).toEqual([
      ['zookeeper connect', 'end'],
      ['zookeeper getData', 'end'],
      ['zookeeper delete', 'NoNodeError', 'ERROR', 'end'],
    ]);
    expect(spans[1].options).toEqual({
      kind: SpanKind.CLIENT,
      attributes: { 'db.system.name': 'zookeeper', 'db.operation.name': 'getData', 'zookeeper.path': '/x' },
    });
  });
});
