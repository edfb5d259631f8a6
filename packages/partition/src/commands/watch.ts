// `cpc watch`: a live table of the process images, with keys to sort, filter, scroll and quit. A reader like any other.

import { emitKeypressEvents, type Key } from "node:readline";
import { createLogUpdate } from "log-update";
import { OpenedImage } from "@cpc-partition/image/opened-image";
import { CommandError } from "@cpc-partition/process/command-error";
import { serviceNames } from "../protocols/registry.ts";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { filterRows, rowsOf, sortOrders, sortRows, takeBanks, type SortOrder } from "./point-rows.ts";
import { terminalText } from "@cpc-partition/process/terminal-text";
import { stopSignal } from "@cpc-partition/process/signals";
import { connectionTable, pointTable } from "./value-table.ts";

export interface WatchSettings {
  readonly prefix: string;
  readonly filter: string;
  readonly sort: SortOrder;
}

/** What the keys change. */
interface View {
  filter: string;
  /** True while the filter is being typed. */
  isTyping: boolean;
  sort: SortOrder;
  firstRow: number;
}

const refreshMs = 250;
/** Title, blank line, head of both tables, blank lines and keys. */
const frameLines = 7;

export async function watch(settings: WatchSettings): Promise<ExitCode> {
  const { stdin, stdout } = process;
  if (!stdout.isTTY || !stdin.isTTY) {
    throw new CommandError("cannot watch because this is no terminal; for programs there is: cpc dump --image --json");
  }
  const view: View = { filter: settings.filter, isTyping: false, sort: settings.sort, firstRow: 0 };
  const images = serviceNames.map((service) => new OpenedImage(`${settings.prefix}${service}_image`));
  const update = createLogUpdate(stdout);
  const show = (): void => update(terminalText(screen(images, view, stdout.columns, stdout.rows)));
  const quit = Promise.withResolvers<void>();
  const onKey = (text: string | undefined, key: Key): void => {
    if (isEnd(key, view)) quit.resolve();
    else press(view, text ?? "", key, stdout.rows);
    show();
  };
  emitKeypressEvents(stdin);
  stdin.setRawMode(true);
  stdin.on("keypress", onKey);
  const timer = setInterval(show, refreshMs);
  show();
  await Promise.race([quit.promise, stopSignal("SIGHUP")]);
  clearInterval(timer);
  stdin.off("keypress", onKey);
  stdin.setRawMode(false);
  stdin.pause();
  update.done();
  for (const image of images) image.close();
  return ExitCode.fine;
}

function screen(images: readonly OpenedImage[], view: View, columns: number, rows: number): string {
  const readers = images.flatMap((image) => image.current() ?? []);
  if (readers.length === 0) return "waiting for a partition to run (with this prefix) ...   q quits";
  const banks = takeBanks(readers);
  const nowMs = Date.now();
  const all = sortRows(
    filterRows(
      banks.flatMap(({ bank }) => rowsOf(bank, nowMs)),
      view.filter,
    ),
    view.sort,
  );
  const room = Math.max(1, rows - frameLines - banks.length);
  view.firstRow = Math.max(0, Math.min(view.firstRow, all.length - room));
  const shown = all.slice(view.firstRow, view.firstRow + room);
  const silent = images.filter((image) => image.current() !== undefined && !image.hasWriter()).map(({ name }) => name);
  const warning = silent.length === 0 ? "" : `   NO WRITER: ${silent.join(", ")}`;
  const place = `${shown.length === 0 ? 0 : view.firstRow + 1}-${view.firstRow + shown.length} of ${all.length}`;
  return [
    connectionTable(banks, columns),
    "",
    pointTable(shown, columns),
    "",
    `${place}, by ${view.sort}${view.filter === "" ? "" : `, filter "${view.filter}"`}${warning}`.slice(0, columns),
    (view.isTyping
      ? `filter: ${view.filter}_   (Enter ends, Esc clears)`
      : "q quit  s sort  / filter  arrows, PgUp, PgDn scroll"
    ).slice(0, columns),
  ].join("\n");
}

function isEnd(key: Key, view: View): boolean {
  return (key.ctrl === true && key.name === "c") || (!view.isTyping && key.name === "q");
}

function press(view: View, text: string, key: Key, rows: number): void {
  if (view.isTyping) {
    if (key.name === "return" || key.name === "enter") view.isTyping = false;
    else if (key.name === "escape") Object.assign(view, { filter: "", isTyping: false });
    else if (key.name === "backspace") view.filter = view.filter.slice(0, -1);
    else if (!/\p{Cc}/u.test(text)) view.filter += text;
    return;
  }
  const page = Math.max(1, rows - frameLines);
  if (text === "/") view.isTyping = true;
  else if (key.name === "s")
    view.sort = sortOrders[(sortOrders.indexOf(view.sort) + 1) % sortOrders.length] ?? "configuration";
  else if (key.name === "escape") view.filter = "";
  else if (key.name === "up") view.firstRow--;
  else if (key.name === "down") view.firstRow++;
  else if (key.name === "pageup") view.firstRow -= page;
  else if (key.name === "pagedown") view.firstRow += page;
}
