// `cpc browse` on the command line: names, options, help.

import { InvalidArgumentError, Option, type Command } from "commander";
import { seconds } from "@cpc-partition/process/command-options";
import type { ExitCode } from "@cpc-partition/process/exit-code";
import { parseNodeId } from "../import/node-id.ts";
import type { BrowseSettings } from "./browse.ts";

const help = `
Without --policy it takes the strongest security that the server offers. The server's certificate must be trusted, as for cpc run.
Examples:
  cpc browse opc.tcp://192.0.2.20:4840
  cpc browse opc.tcp://192.0.2.20:4840 --filter "*Level*"
  cpc browse opc.tcp://192.0.2.20:4840 --from "ns=2;s=Line" --xml --alias Line > opcua.xml
Exit codes: 0 something was found, 1 nothing was, or there is no connection, 2 an option is wrong.`;

const policies = [
  "None",
  "Basic128Rsa15",
  "Basic256",
  "Basic256Sha256",
  "Aes128_Sha256_RsaOaep",
  "Aes256_Sha256_RsaPss",
];
const mostNodesByDefault = 200_000;

export function addBrowseCommand(
  program: Command,
  done: (code: ExitCode) => void,
  certificatesOption: () => Option,
): void {
  program
    .command("browse")
    .description("show what an OPC UA server has: names, types, values, units; or write its configuration; reads only")
    .argument("<url>", "opc.tcp://host:port/path")
    .option(
      "--filter <glob>",
      "only variables whose path, name or node id fits, with * for any text and ? for one character",
    )
    .addOption(
      new Option("--from <node>", "node id to begin at").argParser(nodeId).default("i=85", "the Objects folder"),
    )
    .option("--xml", "the <server> for a configuration instead of a tree", false)
    .option("--alias <name>", "with --xml: name of the server (default: its host and port)")
    .addOption(new Option("--policy <name>", "security policy").choices(policies))
    .addOption(new Option("--mode <name>", "security mode").choices(["None", "Sign", "SignAndEncrypt"]))
    .option(
      "--server-certificate <file>",
      "accept this certificate of the server and no other, whatever host it is for",
    )
    .option("--user <name>", "user to log in as")
    .option("--password-file <file>", "file with the password")
    .addOption(new Option("--timeout <seconds>", "longest wait for each answer").argParser(seconds).default(10))
    .addOption(new Option("--most <nodes>", "stop at so many nodes").argParser(wholeNumber).default(mostNodesByDefault))
    .addOption(certificatesOption())
    .addHelpText("after", help)
    .action(async (url: string, settings: BrowseSettings) => {
      const { browse } = await import("./browse.ts");
      done(await browse(url, settings));
    });
}

function nodeId(text: string): string {
  if (parseNodeId(text) !== undefined && !text.includes("nsu=")) return text;
  throw new InvalidArgumentError("It must be a node id, for example i=85 or ns=2;s=Line.");
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 10_000_000) return number;
  throw new InvalidArgumentError("It must be a whole number from 1 to 10000000.");
}
