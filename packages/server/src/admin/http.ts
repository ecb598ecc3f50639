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
import type { Command } from './commands.ts';
import { KnownHosts } from './known-hosts.ts';
import { makeRoom } from './make-room.ts';
import type { ServerFacts } from './facts.ts';
import { isLoopbackAddress } from './four-letter.ts';
import { inSteps } from '../net/write-in-steps.ts';
import { LongMap, jsonPieces, renderJson } from './json.ts';
import type { Fields } from './json.ts';
import { isPrometheusProvider, prometheusContentType, prometheusText } from './metrics-text.ts';
import { RateLimiter, checkIdentity, privileged, runPrivileged } from './snapshot-commands.ts';
import type { Outcome } from './snapshot-commands.ts';

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
  /** Until the head of a request is there. */
  headMsMax: 5000,
  checkMs: 1000,
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
  for (const path of ['/readyz', '/health'])
    app.get(path, (_, reply) => {
      const { serving, reason } = facts.serving();
      return reply
        .code(serving ? 200 : 503)
        .type('text/plain; charset=utf-8')
        .send(serving ? 'ok\n' : `${reason}\n`);
    });
  app.get('/', (_, reply) => reply.type('text/html; charset=utf-8').send(startPage(base)));
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
    http: {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headMsMax,
      connectionsCheckingInterval: limits.checkMs,
    },
  });
  makeRoom(app.server, limits.connectionsMax);
  const bindAddress = purpose === 'admin' ? facts.config.adminAddress : facts.config.metricsAddress;
  const hosts = new KnownHosts(facts, bindAddress);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
    const refusal = refusalOf(request, hosts);
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

function refusalOf(request: FastifyRequest, hosts: KnownHosts): { status: number; text: string } | undefined {
  if (request.method === 'TRACE') return { status: 403, text: 'TRACE is not allowed' };
  if (request.method !== 'GET' && request.method !== 'POST') return { status: 405, text: 'Only GET and POST' };
  const { host, origin } = request.headers;
  // A page of a foreign site whose name was made to point here still sends its own name.
  if (host !== undefined && !hosts.includes(host)) {
    return {
      status: 403,
      text: 'Unknown host: a name by which this server may be called belongs into admin.allowedHosts',
    };
  }
  const foreignOrigin = origin !== undefined && origin.replace(/^https?:\/\//, '') !== host;
  if (foreignOrigin || request.headers['sec-fetch-site'] === 'cross-site') {
    return { status: 403, text: 'Requests from other sites are not allowed' };
  }
  return undefined;
}

async function serveLiveness(_: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const asked = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 0));
  const lagMs = Math.round(performance.now() - asked);
  const alive = lagMs <= limits.loopLagMsMax;
  reply.code(alive ? 200 : 503).type('text/plain; charset=utf-8');
  return reply.send(alive ? 'ok\n' : `the event loop lags ${lagMs} ms\n`);
}

function startPage(base: string): string {
  const links = [base, '/metrics', '/livez', '/readyz'];
  return links.map((path) => `<a href="${path}">${path}</a>\n<br/>\n`).join('');
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
  const { authorization } = request.headers;
  const callerAddress = callerAddressOf(request, facts.config.useForwardedFor);
  if (guarded !== undefined) {
    const outcome = await runPrivileged(
      facts,
      {
        name: guarded.name,
        method: request.method,
        authorization,
        callerAddress,
        query,
        body: request.body instanceof Readable ? (request.body as AsyncIterable<Uint8Array>) : undefined,
      },
      limiter,
      options.onError ?? (() => undefined),
    );
    return sendOutcome(reply, guarded.name, outcome);
  }
  const method = command?.guard === 'changes' ? 'POST' : 'GET';
  if (request.method !== method) {
    return sendFields(reply.code(500), primary, {}, `${primary} needs the method ${method}`);
  }
  if (command !== undefined && needsIdentity(command, callerAddress)) {
    const denied = await checkIdentity(facts, { authorization, callerAddress });
    if (denied !== undefined) return sendOutcome(reply, command.name, denied);
  }
  return sendFields(reply, primary, command?.run(facts, query) ?? {});
}

/** Words show clients to callers on the same machine alone, and so do these commands. */
const needsIdentity = ({ guard }: Command, callerAddress: string): boolean =>
  guard === 'changes' || (guard === 'showsClients' && !isLoopbackAddress(callerAddress));

/** Of a name given twice the last counts; no name is special. */
function queryOf(request: FastifyRequest): Record<string, string> {
  const search = request.url.indexOf('?');
  const parameters = new URLSearchParams(search < 0 ? '' : request.url.slice(search + 1));
  return Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(parameters));
}

/**
 * The peer of the socket; of a caller that a proxy on this machine speaks for, nothing is known. Only when the configuration says that a proxy stands before us does a header count, and then
 * its last entry, the one that this proxy wrote.
 */
function callerAddressOf(request: FastifyRequest, useForwardedFor: boolean): string {
  const peer = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  if (!useForwardedFor) return isProxied(request) && isLoopbackAddress(peer) ? '' : peer;
  const header = request.headers['x-forwarded-for'];
  const last = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').at(-1)?.trim() ?? '';
  return isIP(last) === 0 ? peer : last;
}

const isProxied = ({ headers }: FastifyRequest): boolean =>
  headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined || headers.via !== undefined;

function sendOutcome(reply: FastifyReply, name: string, outcome: Outcome): FastifyReply {
  switch (outcome.kind) {
    case 'refused':
      // A body that is still on its way is not waited for.
      return sendFields(reply.code(outcome.status).header('connection', 'close'), name, {}, outcome.error);
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
  const isLong = Object.values(fields).some((value) => value instanceof LongMap);
  const text = isLong ? Readable.from(inSteps(jsonPieces(body)), { objectMode: false }) : renderJson(body);
  return reply.type('application/json; charset=utf-8').send(text);
}
