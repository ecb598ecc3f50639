// The AdminServer: commands, metrics and probes over HTTP. The HTTP library is loaded only when this is opened, which
// holds the event loop: before the first client can come. Nothing here is on the path of a client's request.
//
// It answers on loopback unless told otherwise, and takes care of what reaches a loopback port all the same: web pages
// the operator has open (Host and Origin are checked, no CORS headers), large bodies, slow callers.

import { isIP } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { commands } from './commands.ts';
import type { ServerFacts } from './facts.ts';
import { isLoopbackAddress } from './four-letter.ts';
import { renderJson } from './json.ts';
import type { Fields } from './json.ts';
import { isPrometheusProvider, prometheusContentType, prometheusText } from './metrics-text.ts';
import { RateLimiter, privileged, runPrivileged } from './snapshot-commands.ts';
import type { Outcome, PrivilegedName } from './snapshot-commands.ts';

export interface AdminOptions {
  /** Told about failures that the caller only hears of in general words. */
  readonly onError?: (error: unknown) => void;
  /** Adds routes, such as the console, under the same checks. */
  readonly extend?: (app: FastifyInstance) => void | Promise<void>;
}

export interface AdminServer {
  /** Where it listens, with the real port. */
  readonly url: string;
  close(): Promise<void>;
}

type Purpose = 'admin' | 'metrics';

const limits = {
  bodyBytesMax: 16384,
  headerBytesMax: 16384,
  connectionsMax: 128,
  /** For a whole request: a restore is the longest. */
  requestMsMax: 600_000,
  keepAliveMs: 5000,
  /** An event loop that turns more slowly than this is not alive. */
  loopLagMsMax: 2000,
} as const;

/** Opens the AdminServer; rejects when the address cannot be bound. Undefined when it is switched off. */
export async function startAdminServer(
  facts: ServerFacts,
  options: AdminOptions = {},
): Promise<AdminServer | undefined> {
  const { adminEnabled, adminAddress, adminPort } = facts.config;
  return adminEnabled ? listen(await buildAdminApp(facts, options), adminAddress, adminPort) : undefined;
}

/** Opens the port of the Prometheus provider, if the configuration names that provider. */
export async function startMetricsServer(
  facts: ServerFacts,
  options: AdminOptions = {},
): Promise<AdminServer | undefined> {
  const { metricsProvider, metricsAddress, metricsPort } = facts.config;
  if (!isPrometheusProvider(metricsProvider)) return undefined;
  return listen(await buildMetricsApp(facts, options), metricsAddress, metricsPort);
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<AdminServer> {
  await app.listen({ host, port });
  const bound = app.server.address() as AddressInfo;
  const shownHost = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return { url: `http://${shownHost}:${bound.port}`, close: () => app.close() };
}

/** The AdminServer without a port, as tests want it. */
export async function buildAdminApp(facts: ServerFacts, options: AdminOptions = {}): Promise<FastifyInstance> {
  const app = await buildApp(facts, 'admin', options);
  const limiter = new RateLimiter(facts.config.adminRateLimitMs);
  const base = facts.config.adminCommandUrl;
  const serveIndex = (_: FastifyRequest, reply: FastifyReply): FastifyReply =>
    reply.type('text/html; charset=utf-8').send(indexPage(base));
  app.get(base, serveIndex);
  app.get(`${base}/`, serveIndex);
  app.route({
    method: ['GET', 'POST'],
    url: `${base}/:name`,
    handler: (request, reply) => serveCommand(facts, options, limiter, request, reply),
  });
  serveMetrics(app, facts);
  app.get('/livez', serveLiveness);
  app.get('/readyz', (_, reply) => {
    const { serving, reason } = facts.serving();
    return reply
      .code(serving ? 200 : 503)
      .type('text/plain; charset=utf-8')
      .send(serving ? 'ok\n' : `${reason}\n`);
  });
  await options.extend?.(app);
  return app;
}

export async function buildMetricsApp(facts: ServerFacts, options: AdminOptions = {}): Promise<FastifyInstance> {
  const app = await buildApp(facts, 'metrics', options);
  serveMetrics(app, facts);
  return app;
}

function serveMetrics(app: FastifyInstance, facts: ServerFacts): void {
  app.get('/metrics', (_, reply) => reply.type(prometheusContentType).send(prometheusText(facts)));
}

async function buildApp(facts: ServerFacts, purpose: Purpose, options: AdminOptions): Promise<FastifyInstance> {
  const { fastify } = await import('fastify');
  const app = fastify({
    logger: false,
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.requestMsMax,
    keepAliveTimeout: limits.keepAliveMs,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    http: { maxHeaderSize: limits.headerBytesMax },
  });
  app.server.maxConnections = limits.connectionsMax;
  const bindAddress = purpose === 'admin' ? facts.config.adminAddress : facts.config.metricsAddress;
  const loopbackOnly = bindAddress === 'localhost' || isLoopbackAddress(bindAddress);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
    const refusal = refusalOf(request, loopbackOnly);
    if (refusal !== undefined) await reply.code(refusal.status).type('text/plain').send(`${refusal.text}\n`);
  });
  app.removeAllContentTypeParsers();
  // The body of a restore is handed on as a stream; the limit of bodies does not apply to it.
  app.addContentTypeParser('application/octet-stream', (_, payload, done) => {
    done(null, payload);
  });
  app.setNotFoundHandler((_, reply) => reply.code(404).type('text/plain').send('Not found\n'));
  app.setErrorHandler((error, _, reply) => {
    const status = statusOf(error);
    if (status >= 500) options.onError?.(error);
    return reply
      .code(status)
      .type('text/plain')
      .send(status >= 500 ? 'Internal error\n' : 'Bad request\n');
  });
  return app;
}

function statusOf(error: unknown): number {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

function refusalOf(request: FastifyRequest, loopbackOnly: boolean): { status: number; text: string } | undefined {
  if (request.method === 'TRACE') return { status: 403, text: 'TRACE is not allowed' };
  if (request.method !== 'GET' && request.method !== 'POST') return { status: 405, text: 'Only GET and POST' };
  const { host, origin } = request.headers;
  // A page of a foreign site whose name was made to point here still sends its own name.
  if (loopbackOnly && host !== undefined && !isLoopbackName(host)) return { status: 403, text: 'Unknown host' };
  const foreignOrigin = origin !== undefined && origin.replace(/^https?:\/\//, '') !== host;
  if (foreignOrigin || request.headers['sec-fetch-site'] === 'cross-site') {
    return { status: 403, text: 'Requests from other sites are not allowed' };
  }
  return undefined;
}

function isLoopbackName(hostHeader: string): boolean {
  const name = hostHeader
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return name === 'localhost' || isLoopbackAddress(name);
}

async function serveLiveness(_: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const asked = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 0));
  const lagMs = Math.round(performance.now() - asked);
  const alive = lagMs <= limits.loopLagMsMax;
  reply.code(alive ? 200 : 503).type('text/plain; charset=utf-8');
  return reply.send(alive ? 'ok\n' : `the event loop lags ${lagMs} ms\n`);
}

function indexPage(base: string): string {
  const names = [...commands, ...privileged].map((command) => command.name).sort();
  return names.map((name) => `<a href="${base}/${name}">${name}</a>\n<br/>\n`).join('');
}

async function serveCommand(
  facts: ServerFacts,
  options: AdminOptions,
  limiter: RateLimiter,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { name } = request.params as { name: string };
  const isNamed = (row: { name: string; aliases: readonly string[] }): boolean =>
    row.name === name || row.aliases.includes(name);
  const guarded = privileged.find(isNamed);
  const command = guarded === undefined ? commands.find(isNamed) : undefined;
  if (guarded === undefined && command === undefined) return sendFields(reply, name, {}, `Unknown command: ${name}`);
  const primary = guarded?.name ?? command?.name ?? name;
  if (command?.always !== true && !facts.serving().serving) {
    return sendFields(reply, primary, {}, 'This ZooKeeper instance is not currently serving requests');
  }
  const query = queryOf(request);
  if (guarded !== undefined) {
    const outcome = await runPrivileged(
      facts,
      {
        name: guarded.name,
        method: request.method,
        authorization: request.headers.authorization,
        callerAddress: callerAddressOf(request, facts.config.useForwardedFor),
        query,
        body: request.body instanceof Readable ? (request.body as AsyncIterable<Uint8Array>) : undefined,
      },
      limiter,
      options.onError ?? (() => undefined),
    );
    return sendOutcome(reply, guarded.name, outcome);
  }
  if (request.method !== 'GET') {
    return sendFields(reply.code(500), primary, {}, `${primary} needs the method GET`);
  }
  return sendFields(reply, primary, command?.run(facts, query) ?? {});
}

/** Of a name given twice the last counts; no name is special. */
function queryOf(request: FastifyRequest): Record<string, string> {
  const search = request.url.indexOf('?');
  const parameters = new URLSearchParams(search < 0 ? '' : request.url.slice(search + 1));
  return Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(parameters));
}

/**
 * The peer of the socket. Only when the configuration says that a proxy stands before us does a header count, and then
 * its last entry, the one that this proxy wrote.
 */
function callerAddressOf(request: FastifyRequest, useForwardedFor: boolean): string {
  const peer = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  if (!useForwardedFor) return peer;
  const header = request.headers['x-forwarded-for'];
  const last = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').at(-1)?.trim() ?? '';
  return isIP(last) === 0 ? peer : last;
}

function sendOutcome(reply: FastifyReply, name: PrivilegedName, outcome: Outcome): FastifyReply {
  switch (outcome.kind) {
    case 'refused':
      return sendFields(reply.code(outcome.status), name, {}, outcome.error);
    case 'fields':
      return sendFields(reply.headers(outcome.headers ?? {}), name, outcome.fields);
    case 'stream':
      return reply
        .headers(outcome.headers)
        .type('application/octet-stream')
        .send(Readable.from(outcome.snapshot.read(), { objectMode: false }));
  }
}

function sendFields(reply: FastifyReply, command: string, fields: Fields, error: string | null = null): FastifyReply {
  const { error: own, ...others } = fields;
  const body = own === undefined ? { ...others, command, error } : { error: own, ...others, command };
  return reply.type('application/json; charset=utf-8').send(renderJson(body));
}
