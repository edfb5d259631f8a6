// `cpc completion` and `cpc manual`: what shells and manuals need to know of the commands, made of their definitions.

import { Argument, type Command } from "commander";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { print } from "@cpc-partition/process/standard-output";
import { commandTree } from "./command-tree.ts";

const shells = ["bash", "zsh"] as const;

const completionHelp = `
Where shells look for it:
  cpc completion bash > /etc/bash_completion.d/cpc
  cpc completion zsh > /usr/local/share/zsh/site-functions/_cpc`;

export function addDescriptionCommands(program: Command, done: (code: ExitCode) => void): void {
  program
    .command("completion")
    .description("print the script by which a shell completes commands and options")
    .addArgument(new Argument("<shell>", "which one").choices(shells))
    .addHelpText("after", completionHelp)
    .action(async (shell: (typeof shells)[number]) => {
      const { bashCompletion, zshCompletion } = await import("./completion.ts");
      print((shell === "bash" ? bashCompletion : zshCompletion)(commandTree(program)));
      done(ExitCode.fine);
    });

  program
    .command("manual")
    .description("print the manual page of all commands; with man: cpc manual | man -l -")
    .action(async () => {
      const { manualPage } = await import("./manual-page.ts");
      const { ownVersion } = await import("./own-version.ts");
      print(manualPage(commandTree(program), ownVersion()));
      done(ExitCode.fine);
    });
}
