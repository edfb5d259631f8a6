// The list of servers, the worst first: state, poll times, failures, security.

import { element, setText } from "./dom.js";
import { VirtualList } from "./virtual-list.js";
import { count, instant, milliseconds, since, words } from "./words.js";

const columnNames = ["server", "state", "since", "points", "poll", "reconnects", "failures", "security", "error"];

export class Servers {
  root;
  #list;
  #window = { first: 0, count: 40 };
  #onView;

  constructor({ onView, onChoose, rowHeight }) {
    this.#onView = onView;
    this.#list = new VirtualList({
      label: words.tabs.servers,
      columns: columnNames.map((name) => ({ name, title: words.columns[name] })),
      rowHeight,
      fill,
      onChoose,
      onWindow: (first, rows) => {
        const wanted = { first: Math.floor(first / 10) * 10, count: Math.min(200, Math.ceil(rows / 10) * 10 + 10) };
        if (wanted.first === this.#window.first && wanted.count === this.#window.count) return;
        this.#window = wanted;
        this.#onView();
      },
    });
    this.#list.root.id = "servers-grid";
    this.root = element("div", { class: "list servers" }, this.#list.root);
  }

  get view() {
    return { list: "servers", ...this.#window };
  }

  update({ total, rows }) {
    this.#list.update(total, rows);
  }
}

function fill(cells, line, row) {
  setText(cells.server, row.server);
  setText(cells.state, words.states[row.state]);
  setText(cells.since, since(row.since));
  const good = row.points - row.pointsBad - row.pointsUncertain;
  setText(cells.points, `${count(good)} / ${count(row.pointsUncertain)} / ${count(row.pointsBad)}`);
  showPolls(cells.poll, row);
  setText(cells.reconnects, count(row.reconnects));
  const failures = Object.entries(row.failures).map(
    ([kind, number]) => `${count(number)} ${words.failures[kind] ?? kind}`,
  );
  setText(cells.failures, failures.join(", "));
  cells.failures.title = failures.join("\n");
  const days = row.certificateDaysLeft;
  setText(
    cells.security,
    [words.security[row.isInsecure], days === null ? "" : words.certificate(days)].filter(Boolean).join(", "),
  );
  const error =
    row.lastError === "" ? "" : `${row.lastErrorAt === null ? "" : `${instant(row.lastErrorAt)}: `}${row.lastError}`;
  setText(cells.error, error);
  cells.error.title = error;
  line.dataset.state = row.state;
  line.dataset.bad = String(row.pointsBad > 0);
}

/** Median and 99th percentile, with all polls as small bars, an octave each. */
function showPolls(cell, { pollMs, histogram }) {
  const text = pollMs === null ? "" : `${milliseconds(pollMs.median)} / ${milliseconds(pollMs.p99)}`;
  const most = Math.max(1, ...histogram);
  const heights = histogram.map((polls) =>
    polls === 0 ? 0 : Math.max(2, Math.round((14 * Math.log1p(polls)) / Math.log1p(most))),
  );
  const name = `${text} ${heights.join(",")}`;
  if (cell.dataset.shown === name) return;
  cell.dataset.shown = name;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${histogram.length * 4} 14`);
  svg.setAttribute("aria-hidden", "true");
  for (const [index, height] of heights.entries()) {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [attribute, value] of Object.entries({ x: index * 4, y: 14 - height, width: 3, height }))
      bar.setAttribute(attribute, String(value));
    svg.append(bar);
  }
  cell.replaceChildren(svg, element("span", {}, text));
}
