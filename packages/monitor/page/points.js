// The list of points: searched, filtered and sorted by the monitor, of which this page only has the rows on the screen.

import { element, select, setText } from "./dom.js";
import { VirtualList } from "./virtual-list.js";
import { age, count, words } from "./words.js";

const columnNames = ["point", "value", "unit", "status", "age", "server", "source"];
/** Typing asks when it rests. */
const restMs = 200;

export class Points {
  root;
  #list;
  #shown = element("span", { class: "shown", role: "status" });
  #servers;
  #query = { search: "", server: "", quality: "", sort: "configuration" };
  #window = { first: 0, count: 40 };
  #onView;
  #clock;
  #isChosen;
  #rest;

  /** `clock()`: the gateway's time; `isChosen(id)`: the point is in the plot. */
  constructor({ onView, onChoose, clock, isChosen, rowHeight }) {
    this.#onView = onView;
    this.#clock = clock;
    this.#isChosen = isChosen;
    this.#list = new VirtualList({
      label: words.tabs.points,
      columns: columnNames.map((name) => ({ name, title: words.columns[name] })),
      rowHeight,
      fill: (cells, line, row) => this.#fill(cells, line, row),
      onChoose,
      onWindow: (first, rows) => this.#moved(first, rows),
    });
    this.#list.root.id = "points-grid";
    this.#servers = select(words.server, [["", words.allServers]], "", (server) => this.#ask({ server }));
    const search = element("input", {
      type: "search",
      id: "search",
      placeholder: words.searchPlaceholder,
      maxLength: 200,
      oninput: () => {
        clearTimeout(this.#rest);
        this.#rest = setTimeout(() => this.#ask({ search: search.value }), restMs);
      },
    });
    const qualities = select(words.quality, Object.entries(words.qualityFilters), "", (quality) =>
      this.#ask({ quality }),
    );
    const sorts = select(words.sort, Object.entries(words.sorts), "configuration", (sort) => this.#ask({ sort }));
    this.root = element(
      "div",
      { class: "list" },
      element(
        "div",
        { class: "toolbar" },
        element("label", { class: "search" }, element("span", { class: "label" }, words.search), search),
        this.#servers,
        qualities,
        sorts,
        this.#shown,
      ),
      this.#list.root,
      element("p", { class: "hint" }, words.plotHint),
    );
  }

  get view() {
    return { list: "points", ...this.#query, ...this.#window };
  }

  setServers(names) {
    const box = this.#servers.querySelector("select");
    const chosen = box.value;
    box.replaceChildren(
      element("option", { value: "" }, words.allServers),
      ...names.map((name) => element("option", { value: name }, name)),
    );
    box.value = names.includes(chosen) ? chosen : "";
  }

  update({ total, all, rows }) {
    setText(this.#shown, total === 0 ? words.nothingFound : words.shown(total, all, count));
    this.#list.update(total, rows);
  }

  refresh() {
    this.#list.refresh();
  }

  #ask(change) {
    Object.assign(this.#query, change);
    this.#window = { ...this.#window, first: 0 };
    this.#list.clear();
    this.#onView();
  }

  #moved(first, rows) {
    // In steps, so that a slow scroll does not ask for every row.
    const step = 10;
    const wanted = {
      first: Math.floor(first / step) * step,
      count: Math.min(200, Math.ceil(rows / step) * step + step),
    };
    if (wanted.first === this.#window.first && wanted.count === this.#window.count) return;
    this.#window = wanted;
    this.#onView();
  }

  #fill(cells, line, row) {
    setText(cells.point, row.name);
    cells.point.title = row.description === "" ? row.key : `${row.key}\n${row.description}`;
    setText(cells.value, row.value);
    cells.value.title = row.value;
    setText(cells.unit, row.unit);
    const isPlain = row.quality === "good" || row.quality === "dead" || row.quality === "old";
    setText(cells.status, isPlain ? words.qualities[row.quality] : `${words.qualities[row.quality]}: ${row.status}`);
    cells.status.title = row.status;
    setText(cells.age, row.receivedMs === 0 ? "" : age(this.#clock() - row.receivedMs));
    setText(cells.server, row.server);
    setText(cells.source, row.source);
    cells.source.title = row.source;
    line.dataset.quality = row.quality;
    line.setAttribute("aria-selected", String(this.#isChosen(row.id)));
  }
}
