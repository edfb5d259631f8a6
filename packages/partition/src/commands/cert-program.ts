// `cpc cert ...` on the command line: names, options, help. Each command is a file of its own.

import { InvalidArgumentError, Option, type Command } from "commander";
import type { CertCreateSettings } from "./cert-create.ts";
import type { CertFetchSettings } from "./cert-fetch.ts";
import type { CertListSettings } from "./cert-list.ts";
import type { CertTrustSettings } from "./cert-trust.ts";
import { hostArgument } from "./host-argument.ts";
import type { ExitCode } from "@cpc-partition/process/exit-code";

/** `certificatesOption`: the same as that of `run`. */
export function addCertCommands(
  program: Command,
  done: (code: ExitCode) => void,
  certificatesOption: () => Option,
): void {
  const cert = program.command("cert").description("manage the own certificates and the trust list");

  cert
    .command("create")
    .description("make an application certificate and its key")
    .argument("<application-uri>", "the <client_app_uri> of the configuration")
    .addOption(
      new Option("--host <list>", "comma-separated names and addresses of this machine")
        .argParser(hostList)
        .default([], "its host name"),
    )
    .addOption(new Option("--days <number>", "days that the certificate is valid").argParser(wholeDays).default(3650))
    .addOption(new Option("--organization <name>", "who runs the application"))
    .addOption(certificatesOption())
    .action(async (applicationUri: string, settings: CertCreateSettings) => {
      const { certCreate } = await import("./cert-create.ts");
      done(await certCreate(applicationUri, settings));
    });

  cert
    .command("show")
    .description("print the contents of a certificate file")
    .argument("<file>", "DER or PEM")
    .action(async (file: string) => {
      const { certShow } = await import("./cert-show.ts");
      done(certShow(file));
    });

  cert
    .command("fetch")
    .description("show the certificate of a server and keep it among the rejected ones")
    .argument("<url>", "opc.tcp://host:port/path")
    .addOption(new Option("--timeout <seconds>", "time limit for the answer").argParser(seconds).default(5))
    .addOption(certificatesOption())
    .action(async (url: string, settings: CertFetchSettings) => {
      const { certFetch } = await import("./cert-fetch.ts");
      done(await certFetch(url, settings));
    });

  cert
    .command("trust")
    .description("trust a certificate that was rejected, or that of a file")
    .argument("<fingerprint|file>", "whole SHA-256 or SHA-1 fingerprint, or a file")
    .addOption(certificatesOption())
    .action(async (named: string, settings: CertTrustSettings) => {
      const { certTrust } = await import("./cert-trust.ts");
      done(certTrust(named, settings));
    });

  cert
    .command("reject")
    .description("withdraw trust from a certificate")
    .argument("<fingerprint|file>", "whole SHA-256 or SHA-1 fingerprint, or a file")
    .addOption(certificatesOption())
    .action(async (named: string, settings: CertTrustSettings) => {
      const { certReject } = await import("./cert-trust.ts");
      done(certReject(named, settings));
    });

  cert
    .command("list")
    .description("list own, trusted, issuers' and rejected certificates with their days left")
    .addOption(certificatesOption())
    .action(async (settings: CertListSettings) => {
      const { certList } = await import("./cert-list.ts");
      done(certList(settings));
    });
}

function hostList(text: string): readonly string[] {
  return text.split(",").map((name) => hostArgument(name.trim()));
}

function wholeDays(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= 36_500) return value;
  throw new InvalidArgumentError("It must be a whole number of days from 1 to 36500.");
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0.001 && value <= 86_400) return value;
  throw new InvalidArgumentError("It must be a number of seconds from 0.001 to 86400.");
}
