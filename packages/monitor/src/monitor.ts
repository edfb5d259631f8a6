// `cpc monitor`: a process of its own beside the partition. It maps images and journals read-only, and shows them.

import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import type { LogLevel } from "@cpc-partition/process/log";
import { createLog } from "@cpc-partition/process/pino-log";
import { stopSignal } from "@cpc-partition/process/signals";
import { print } from "@cpc-partition/process/standard-output";
import { demandProtection, hostAndPort, type ListenAddress, type Protection } from "./access/listen-rules.ts";
import { SignInDesk } from "./access/sign-in.ts";
import { LiveStreams } from "./http/live-streams.ts";
import { openServer } from "./http/server.ts";
import { Metrics } from "./metrics/open-telemetry.ts";
import { seriesOf } from "./metrics/series.ts";
import { writeTextfile } from "./metrics/textfile.ts";
import { ObservedPartition } from "./observation/observed-partition.ts";

export interface MonitorSettings extends Protection {
  readonly listen: ListenAddress;
  readonly prefix: string;
  readonly textfile: string | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: "json" | "pretty";
}

export async function monitor(settings: MonitorSettings): Promise<ExitCode> {
  keepYoungGenerationSmall();
  const { listen, prefix, textfile, tlsCertificate, tlsKey, users, trustProxy } = settings;
  const log = createLog({ level: settings.logLevel, format: settings.logFormat });
  if (textfile === undefined) demandProtection(listen, settings);
  const desk = textfile === undefined && users !== undefined ? new SignInDesk(users) : undefined;
  const stopped = Promise.race([stopSignal(), parentGone()]);
  using observed = new ObservedPartition(prefix);
  using live = new LiveStreams(observed);
  const figures = () => ({ viewers: live.viewers, signInFailures: desk?.failures ?? 0 });
  const metrics = new Metrics(() => seriesOf(observed.observe(), figures()), process.env);
  try {
    if (metrics.isPushed) log("info", "pushing metrics by OTLP as the OTEL_* variables say");
    if (textfile !== undefined) {
      const over = new AbortController();
      void stopped.then(() => over.abort());
      log("info", `writing metrics to ${textfile}`);
      await writeTextfile(textfile, async () => await metrics.text(), log, over.signal);
      return ExitCode.fine;
    }
    const tls =
      tlsCertificate === undefined || tlsKey === undefined ? undefined : { certificate: tlsCertificate, key: tlsKey };
    const server = await openServer({
      observe: () => observed.observe(),
      metricsText: async () => await metrics.text(),
      live,
      desk,
      tls,
      trustProxy,
    });
    await server.listen({ host: listen.host, port: listen.port }).catch((error: unknown) => {
      throw listenError(error, listen, prefix);
    });
    const { port } = server.server.address() as AddressInfo;
    const scheme = `http${tls === undefined ? "" : "s"}`;
    print(`monitor: ${scheme}://${hostAndPort({ host: listen.host, port })}/`);
    await stopped;
    live[Symbol.dispose]();
    await server.close();
  } finally {
    await metrics.stop();
  }
  return ExitCode.fine;
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
  const other = `cpc monitor --listen 127.0.0.1:0${prefix === "" ? "" : ` --prefix ${prefix}`}`;
  return new CommandError(`cannot listen on ${hostAndPort(listen)} because ${why}; any free port: ${other}`);
}
