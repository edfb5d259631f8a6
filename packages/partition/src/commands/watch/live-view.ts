// A terminal that shows the view and takes its keys: `cpc watch`, and `cpc demo` where it has a terminal.

import { emitKeypressEvents, type Key } from "node:readline";
import { styleText } from "node:util";
import { createLogUpdate } from "log-update";
import type { SortOrder } from "../point-rows.ts";
import { ChosenPoints } from "./chosen-points.ts";
import { detailLines } from "./detail.ts";
import { History } from "./history.ts";
import { helpLines, overview, waitingLines, type Paint } from "./screen.ts";
import { newView, nothingShown, press, type Shown } from "./view.ts";
import { WatchedPlant, type Look } from "./watched-plant.ts";

export interface LiveViewSettings {
  readonly prefix: string;
  readonly filter: string;
  readonly sort: SortOrder;
  /** Before the counts in the first line. */
  readonly title?: () => string;
  /** Shown while there is no image, in place of the usual advice. */
  readonly waitingFor?: () => string;
}

const refreshMs = 250;
const paint: Paint = (style, text) => styleText(style, text, { stream: process.stdout });

export class LiveView implements Disposable {
  readonly #settings: LiveViewSettings;
  readonly #plant: WatchedPlant;
  readonly #view;
  readonly #chosen = new ChosenPoints();
  readonly #update = createLogUpdate(process.stdout);
  readonly #timer: NodeJS.Timeout;
  readonly #quit = Promise.withResolvers<void>();
  #shown: Shown = nothingShown;
  #history: History | undefined;

  constructor(settings: LiveViewSettings) {
    this.#settings = settings;
    this.#plant = new WatchedPlant(settings.prefix);
    this.#view = newView(settings.filter, settings.sort);
    const { stdin } = process;
    if (stdin.isTTY) {
      emitKeypressEvents(stdin);
      stdin.setRawMode(true);
      stdin.on("keypress", this.#onKey);
    }
    this.#timer = setInterval(this.#show, refreshMs);
    this.#show();
  }

  /** Somebody pressed the key that asks for the end. */
  get quit(): Promise<void> {
    return this.#quit.promise;
  }

  /** The terminal is as it was, with the last screen on it. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    const { stdin } = process;
    if (stdin.isTTY) {
      stdin.off("keypress", this.#onKey);
      stdin.setRawMode(false);
      stdin.pause();
    }
    this.#update.done();
    this.#history?.[Symbol.dispose]();
    this.#plant.close();
  }

  readonly #onKey = (text: string | undefined, key: Key): void => {
    if (!press(this.#view, text ?? "", key, this.#shown)) this.#quit.resolve();
    this.#show();
  };

  readonly #show = (): void => this.#update(this.#lines().join("\n"));

  #lines(): readonly string[] {
    const { waitingFor, title } = this.#settings;
    const look = this.#plant.look(Date.now());
    if (look === undefined) return waitingFor === undefined ? waitingLines(this.#plant.names) : [waitingFor()];
    if (this.#view.isHelp) return helpLines;
    // One line stays free: the cursor stands in it.
    const size = { columns: process.stdout.columns, rows: process.stdout.rows - 1 };
    const points = this.#chosen.of(look, this.#view.filter, this.#view.sort);
    const { lines, shown } = overview(look, points, this.#view, title?.() ?? "", size, paint);
    this.#shown = shown;
    return this.#detail(look, size) ?? lines;
  }

  /** Undefined when none is wanted. */
  #detail(look: Look, size: { readonly columns: number; readonly rows: number }): readonly string[] | undefined {
    const { detail, rows } = this.#view;
    const point = detail === undefined ? undefined : this.#shown.points[rows.points.chosen];
    if (point !== this.#history?.point) {
      this.#history?.[Symbol.dispose]();
      this.#history = point === undefined ? undefined : new History(this.#settings.prefix, point);
    }
    if (point === undefined || this.#history === undefined) return undefined;
    return detailLines(look, point, this.#history.read(), size, paint);
  }
}
