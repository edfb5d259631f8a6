// `cpc monitor`: a process of its own beside the partition. It maps images and journals read-only, and shows them.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import type { LogFormat, LogLevel } from "@cpc-partition/process/log";
import { createLog } from "@cpc-partition/process/pino-log";
import { ServiceManager } from "@cpc-partition/process/service-manager";
import { stopSignal } from "@cpc-partition/process/signals";
import { print } from "@cpc-partition/process/standard-output";
import { writeTextfile } from "@cpc-partition/process/textfile";
import { invocation } from "@cpc-partition/process/invocation";
import { demandProtection, hostAndPort, type ListenAddress, type Protection } from "./access/listen-rules.ts";
import { ServedCertificate } from "./access/served-certificate.ts";
import { SignInDesk } from "./access/sign-in.ts";
import { LiveStreams } from "./http/live-streams.ts";
import { openServer } from "./http/server.ts";
import { exposition } from "./metrics/exposition.ts";
import { seriesOf } from "./metrics/series.ts";
import { ObservedPartition } from "./observation/observed-partition.ts";
import { WholeHistograms } from "./observation/whole-histograms.ts";

export interface MonitorSettings extends Protection {
  readonly listen: ListenAddress;
  readonly prefix: string;
  readonly textfile: string | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

export async function monitor(settings: MonitorSettings): Promise<ExitCode> {
  keepYoungGenerationSmall();
  const { listen, prefix, textfile, tlsCertificate, tlsKey, users, trustProxy } = settings;
  const log = createLog({ level: settings.logLevel, format: settings.logFormat });
  const manager = new ServiceManager(log);
  if (textfile === undefined) demandProtection(listen, settings);
  const desk = textfile === undefined && users !== undefined ? new SignInDesk(users, { log }) : undefined;
  const stopped = Promise.race([stopSignal(), parentGone()]);
  using observed = new ObservedPartition(prefix);
  using live = new LiveStreams(observed, () => desk?.version ?? "");
  const figures = () => ({ viewers: live.viewers, signInFailures: desk?.failures ?? 0 });
  const histograms = new WholeHistograms();
  const series = () => seriesOf(observed.observe(), figures(), histograms);
  const push = isPushWanted(process.env)
    ? (await import("./metrics/open-telemetry.ts")).startPush(series, process.env, log)
    : undefined;
  try {
    if (push !== undefined) log("info", "pushing metrics by OTLP as the OTEL_* variables say");
    if (textfile !== undefined) {
      const over = new AbortController();
      void stopped.then(() => over.abort());
      log("info", `writing metrics to ${textfile}`);
      manager.ready();
      await writeTextfile(textfile, () => exposition(series(), "text"), log, over.signal);
      return ExitCode.fine;
    }
    const certificate =
      tlsCertificate === undefined || tlsKey === undefined
        ? undefined
        : new ServedCertificate({ certificate: tlsCertificate, key: tlsKey }, log);
    const server = await openServer({
      observe: () => observed.observe(),
      metricsText: (format) => exposition(series(), format),
      live,
      desk,
      certificate,
      trustProxy,
    });
    await server.ready();
    // Not Fastify's own listen: for 0.0.0.0 it asks for all addresses of the machine, which systemd's RestrictAddressFamilies forbids.
    server.server.listen(listen);
    await once(server.server, "listening").catch((error: unknown) => {
      throw listenError(error, listen, prefix);
    });
    const { port } = server.server.address() as AddressInfo;
    const scheme = `http${certificate === undefined ? "" : "s"}`;
    manager.ready();
    print(`monitor: ${scheme}://${hostAndPort({ host: listen.host, port })}/`);
    await stopped;
    manager.stopping();
    live[Symbol.dispose]();
    server.server.closeAllConnections();
    await server.close();
  } finally {
    await push?.stop();
  }
  return ExitCode.fine;
}

function isPushWanted(environment: NodeJS.ProcessEnv): boolean {
  const endpoints = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"];
  return environment["OTEL_SDK_DISABLED"] !== "true" && endpoints.some((name) => Boolean(environment[name]));
}

/** What is sent is garbage a moment later: without this the heap grows by 100 MB for it, and nothing is quicker for that. */
function keepYoungGenerationSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** A program that started it with a channel, as the demo does, takes it along when it ends, however it ends. */
async function parentGone(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.once("disconnect", resolve);
  // It does not keep this process.
  process.channel?.unref();
  await promise;
}

function listenError(error: unknown, listen: ListenAddress, prefix: string): CommandError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const why =
    code === "EADDRINUSE"
      ? "another program listens there (a monitor that still runs?)"
      : code === "EACCES"
        ? "a port below 1024 needs a privilege"
        : code === "EADDRNOTAVAIL"
          ? "this machine has no such address"
          : error instanceof Error
            ? error.message
            : String(error);
  const other = `${invocation} monitor --listen 127.0.0.1:0${prefix === "" ? "" : ` --prefix ${prefix}`}`;
  return new CommandError(`cannot listen on ${hostAndPort(listen)} because ${why}; any free port: ${other}`);
}
