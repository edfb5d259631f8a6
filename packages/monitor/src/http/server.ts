// The HTTP server: what may be asked, by whom, how often, and with which headers it is answered. The only file that imports fastify.
//
// Nothing that comes in changes anything: GET and HEAD, no bodies, no state but the streams that are open.

import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";
import { fileURLToPath } from "node:url";
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import fastifyStatic from "@fastify/static";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { isFine } from "@cpc-partition/documents/overall-health";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { AddressPlaces, networkOf, plainAddress } from "../access/address-places.ts";
import type { ServedCertificate } from "../access/served-certificate.ts";
import type { SignInDesk } from "../access/sign-in.ts";
import { isLoopback } from "../access/listen-rules.ts";
import { contentTypes, formatFor, type Format } from "../metrics/exposition.ts";
import type { Observation } from "../observation/observed-partition.ts";
import type { LiveStreams } from "./live-streams.ts";

export interface ServerParts {
  readonly observe: () => Observation;
  readonly metricsText: (format: Format) => string;
  readonly live: LiveStreams;
  /** Undefined: nobody has to sign in. */
  readonly desk: SignInDesk | undefined;
  /** Undefined: HTTP without TLS. */
  readonly certificate: ServedCertificate | undefined;
  readonly trustProxy: readonly string[];
}

/** The page's own files, and uPlot's. */
const pageFolder = fileURLToPath(new URL("../../page/", import.meta.url));
const plotFolder = fileURLToPath(new URL(".", import.meta.resolve("uplot")));

const mostConnections = 400;
/** A browser has six at most, for all of its tabs. */
const mostConnectionsOfAddress = 64;
const mostStreamsOfAddress = 32;
const requestTimeoutMs = 5000;
const longestHeaderBytes = 8192;
const lookAtCertificateMs = 60_000;
/** Of one address; scrolling asks some five times a second. */
const mostRequests = {
  max: 400,
  timeWindow: 10_000,
  keyGenerator: ({ ip }: FastifyRequest) => networkOf(ip),
};

export async function openServer(parts: ServerParts): Promise<FastifyInstance> {
  const limits = {
    maxHeaderSize: longestHeaderBytes,
    headersTimeout: requestTimeoutMs,
    connectionsCheckingInterval: 1000,
  };
  const common = {
    bodyLimit: 1,
    trustProxy: parts.trustProxy.length > 0 ? [...parts.trustProxy] : false,
    forceCloseConnections: true,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: requestTimeoutMs,
    exposeHeadRoutes: true,
  };
  const server: FastifyInstance =
    parts.certificate === undefined
      ? fastify({ ...common, http: limits })
      : fastify({ ...common, https: { ...limits, ...parts.certificate.options } });
  if (parts.certificate !== undefined) renewCertificate(server, parts.certificate);
  server.server.maxConnections = mostConnections;
  const isShared = sharedBy(parts);
  limitConnections(server.server, isShared);
  server.setErrorHandler(async (error: { readonly statusCode?: number; readonly message: string }, _request, reply) => {
    const code = error.statusCode ?? 500;
    await reply
      .code(code)
      .type("text/plain")
      .send(code === 500 ? "the monitor failed; its log says why\n" : `${error.message}\n`);
  });

  server.addHook("onRequest", async (request, reply) => await refuseStrangers(request, reply, parts));
  await server.register(rateLimit, mostRequests);
  server.addHook("onRequest", async (request, reply) => await refuseChanges(request, reply, parts));
  await server.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: contentPolicy },
    strictTransportSecurity: parts.certificate !== undefined,
  });
  if (parts.desk !== undefined) addSignIn(server, parts.desk, isShared);
  await server.register(fastifyStatic, { root: pageFolder, prefix: "/", cacheControl: true, maxAge: 0 });
  await server.register(fastifyStatic, {
    root: plotFolder,
    prefix: "/uplot/",
    decorateReply: false,
    allowedPath: (path) => path === "/uPlot.esm.js" || path === "/uPlot.min.css",
  });
  addAnswers(server, parts, isShared);
  return server;
}

function renewCertificate(server: FastifyInstance, certificate: ServedCertificate): void {
  const timer = setInterval(() => certificate.renew(server.server as unknown as TlsServer), lookAtCertificateMs);
  server.addHook("onClose", () => clearInterval(timer));
}

/** Everything from this server and nothing from anywhere else; nobody may put the page into a frame. */
const contentPolicy = {
  "default-src": ["'none'"],
  "script-src": ["'self'"],
  "style-src": ["'self'"],
  "img-src": ["'self'"],
  "connect-src": ["'self'"],
  "base-uri": ["'none'"],
  "form-action": ["'none'"],
  "frame-ancestors": ["'none'"],
  "require-trusted-types-for": ["'script'"],
};

/** Whether many clients may stand behind an address: that of a reverse proxy, or a tunnel to loopback. They share what there is for all. */
function sharedBy({ trustProxy }: ServerParts): (address: string) => boolean {
  return (address) =>
    trustProxy.length > 0 ? trustProxy.includes(plainAddress(address)) : isLoopback(plainAddress(address));
}

/** Also closes what Node's own time-outs do not see: a connection that never begins a request. */
function limitConnections(server: Server, isShared: (address: string) => boolean): void {
  const places = new AddressPlaces(mostConnectionsOfAddress);
  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    if (!isShared(address)) {
      if (!places.take(address)) {
        socket.destroy();
        return;
      }
      socket.once("close", () => places.leave(address));
    }
    socket.setTimeout(2 * requestTimeoutMs, () => socket.destroy());
    socket.on("error", () => socket.destroy());
  });
}

/** Behind a proxy only the proxy is answered. On loopback without users only names of this machine: a page of the web whose name leads here is not. */
async function refuseStrangers(request: FastifyRequest, reply: FastifyReply, parts: ServerParts): Promise<void> {
  const peer = plainAddress(request.socket.remoteAddress ?? "");
  if (parts.trustProxy.length > 0) {
    if (!parts.trustProxy.includes(peer))
      await reply.code(403).type("text/plain").send(`only the reverse proxy is answered here, and ${peer} is not it\n`);
    return;
  }
  const host = request.hostname.replace(/^\[|\]$/g, "");
  if (parts.desk === undefined && !isLoopback(host))
    await reply.code(421).type("text/plain").send("this monitor answers to localhost and 127.0.0.1 only\n");
}

async function refuseChanges(request: FastifyRequest, reply: FastifyReply, _parts: ServerParts): Promise<void> {
  if (request.method === "GET" || request.method === "HEAD") return;
  await reply.code(405).header("allow", "GET, HEAD").type("text/plain").send("the monitor only shows: GET and HEAD\n");
}

const challenge = 'Basic realm="cpc monitor", charset="UTF-8"';

function addSignIn(server: FastifyInstance, desk: SignInDesk, isShared: (address: string) => boolean): void {
  server.addHook("onRequest", async (request, reply) => {
    const { ip, headers } = request;
    const answer = await desk.judge(headers.authorization, isShared(ip) ? undefined : ip);
    if (answer === "Welcome") return;
    const [code, header, value, text] =
      answer === "Busy"
        ? ([429, "retry-after", "5", "too many sign-ins at once"] as const)
        : ([401, "www-authenticate", challenge, "sign in with a user of the monitor"] as const);
    await reply.code(code).header(header, value).type("text/plain").send(`${text}\n`);
  });
}

function addAnswers(
  server: FastifyInstance,
  { observe, metricsText, live }: ServerParts,
  isShared: (address: string) => boolean,
): void {
  const streams = new AddressPlaces(mostStreamsOfAddress);
  server.get("/health", async (_request, reply) => await answerHealth(reply, observe(), false));
  server.get("/ready", async (_request, reply) => await answerHealth(reply, observe(), true));
  server.get("/metrics", async (request, reply) => {
    const format = formatFor(request.headers.accept);
    await reply.header("vary", "accept").type(contentTypes[format]).send(metricsText(format));
  });
  // Nothing would be sent to HEAD: nobody would see when its client is gone.
  server.get("/live", { exposeHeadRoute: false }, (request, reply) => {
    const query = request.query as Readonly<Record<string, string | readonly string[] | undefined>>;
    const { ip } = request;
    // Gone while the password was checked: no event would end the stream.
    if (request.raw.socket.destroyed) return;
    const isCounted = !isShared(ip);
    if (!live.hasRoom() || (isCounted && !streams.take(ip))) {
      void reply.code(503).header("retry-after", "5").type("text/plain").send("too many viewers\n");
      return;
    }
    if (isCounted) reply.raw.once("close", () => streams.leave(ip));
    reply.hijack();
    // `hijack` leaves headers to us; those of helmet are wanted.
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value);
    request.raw.socket.setTimeout(0);
    live.add(query, reply.raw);
  });
}

/** The words and the exit code of `cpc status`, for /ready with --require-connected. */
async function answerHealth(
  reply: FastifyReply,
  { overall, services, unreadable }: Observation,
  requireConnected: boolean,
): Promise<void> {
  const isGood = unreadable.length === 0 && isFine(overall, services, requireConnected);
  const exitCode = isGood ? ExitCode.fine : ExitCode.failed;
  await reply
    .code(isGood ? 200 : 503)
    .header("cache-control", "no-store")
    .send({ exitCode, ...overall, ...(unreadable.length > 0 ? { unreadable } : {}) });
}
