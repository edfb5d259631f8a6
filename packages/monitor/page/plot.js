// The trend of the chosen points, and their details. Drawn by uPlot, which only this file knows.

// eslint-disable-next-line import/no-absolute-path -- as the browser finds it
import uPlot from "/uplot/uPlot.esm.js";
import { element, select, setText } from "./dom.js";
import { aligned, appended, csvOf, troubles, within } from "./samples.js";
import { age, clockTime, day, instant, milliseconds, words } from "./words.js";

const colours = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5", "--line-6", "--line-7", "--line-8"];
const plotHeightPx = 300;

function isNumber({ type, value }) {
  return /^(?:Boolean|S?Byte|U?Int\d+|Float|Double)$/.test(type) && !value.startsWith("[");
}

/** The first unit has its axis on the left, the second on the right. */
function unitAxis({ stroke, grid, ticks }, unit, isFirst) {
  const place = { scale: `unit ${unit}`, label: unit, labelSize: unit === "" ? 0 : 20, side: isFirst ? 3 : 1 };
  return { stroke, ticks, grid: isFirst ? grid : { show: false }, ...place };
}

/** Below the first of each day its date. */
function timesOf(_plot, seconds) {
  return seconds.map((second, index) => {
    const date = day(second * 1000);
    const time = clockTime(second * 1000);
    return index > 0 && day(seconds[index - 1] * 1000) === date ? time : `${time}\n${date}`;
  });
}

/** As the browser resolves it for the theme that is on: a canvas does not understand light-dark(). */
function colour(name) {
  const probe = element("span", {});
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}

export class Plot {
  #section;
  #canvas = element("div", { class: "canvas" });
  #legend = element("ul", { class: "legend" });
  #note = element("p", { class: "hint", role: "status" });
  #series = new Map();
  #plot;
  #seconds = 300;
  #zoom;
  #frozenMs;
  #clock;
  #onChange;
  #pause;

  constructor(section, { clock, onChange }) {
    this.#section = section;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#pause = element("button", { type: "button", onclick: () => this.#togglePause() }, words.pause);
    section.append(
      element(
        "div",
        { class: "toolbar" },
        element("h2", {}, words.plot),
        select(words.window, Object.entries(words.windows), "300", (seconds) => {
          this.#seconds = Number(seconds);
          this.#zoom = undefined;
          this.draw();
        }),
        this.#pause,
        element("button", { type: "button", onclick: () => this.#unzoom() }, words.resetZoom),
        element("button", { type: "button", onclick: () => this.#download() }, words.csv),
      ),
      this.#canvas,
      this.#note,
      this.#legend,
    );
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.#canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.repaint());
  }

  get ids() {
    return [...this.#series.keys()];
  }

  has(id) {
    return this.#series.has(id);
  }

  toggle(row) {
    if (this.#series.has(row.id)) this.#series.delete(row.id);
    else if (this.#series.size < colours.length) this.#series.set(row.id, { row, samples: [] });
    this.repaint();
    this.#onChange();
  }

  /** Rows of the chosen points that changed; null: the point is gone. */
  show(rows) {
    for (const [id, row] of Object.entries(rows)) {
      const series = this.#series.get(id);
      if (series === undefined) continue;
      series.isGone = row === null;
      if (row !== null) series.row = row;
    }
    this.#describe();
  }

  add(parts) {
    for (const { id, samples, isBehindGap } of parts) {
      const series = this.#series.get(id);
      if (series === undefined) continue;
      series.samples = appended(series.samples, samples);
      if (isBehindGap) setText(this.#note, words.gap);
    }
  }

  /** The monitor begins anew: so do the histories. */
  restart() {
    for (const series of this.#series.values()) series.samples = [];
  }

  /** Colours and series are uPlot's from its beginning. */
  repaint() {
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#section.hidden = this.#series.size === 0;
    document.body.classList.toggle("plotting", this.#series.size > 0);
    if (this.#series.size > 0) this.draw();
    this.#describe();
  }

  draw() {
    if (this.#series.size === 0) return;
    const seen = this.#seen();
    this.#plot ??= new uPlot(this.#options(), seen.data, this.#canvas);
    this.#plot.setData(seen.data, false);
    this.#plot.setScale("x", { min: seen.fromMs / 1000, max: seen.toMs / 1000 });
  }

  #seen() {
    const toMs = this.#zoom?.toMs ?? this.#frozenMs ?? this.#clock();
    const all = [...this.#series.values()];
    const oldestMs = Math.min(toMs - 10_000, ...all.flatMap(({ samples }) => samples[0]?.[0] ?? []));
    const fromMs = this.#zoom?.fromMs ?? (this.#seconds === 0 ? oldestMs : toMs - this.#seconds * 1000);
    const series = all.map(({ row, samples, isGone }) => ({
      name: `${row.server} ${row.name}`,
      unit: row.unit,
      samples: within(samples, fromMs, toMs),
      isLive: !isGone && row.quality !== "dead",
    }));
    return { fromMs, toMs, series, data: aligned(series, toMs) };
  }

  #options() {
    const all = [...this.#series.values()];
    const units = [...new Set(all.map(({ row }) => row.unit))];
    const troubleColours = [undefined, colour("--uncertain"), colour("--bad")];
    const axis = {
      stroke: colour("--text"),
      grid: { stroke: colour("--grid"), width: 1 },
      ticks: { stroke: colour("--grid") },
    };
    return {
      ...this.#size(),
      legend: { show: false },
      cursor: { drag: { x: true, y: false, setScale: false } },
      scales: { x: { time: true }, ...Object.fromEntries(units.map((unit) => [`unit ${unit}`, {}])) },
      axes: [
        { ...axis, values: timesOf, space: 70 },
        ...units.slice(0, 2).map((unit, index) => unitAxis(axis, unit, index === 0)),
      ],
      series: [
        {},
        ...all.map(({ row }, index) => ({
          label: row.name,
          scale: `unit ${row.unit}`,
          stroke: colour(colours[index]),
          width: 2,
          paths: uPlot.paths.stepped({ align: 1 }),
          points: { show: false },
        })),
      ],
      hooks: {
        draw: [(plot) => this.#drawTroubles(plot, troubleColours)],
        setSelect: [
          (plot) => {
            if (plot.select.width < 5) return;
            const at = (px) => plot.posToVal(px, "x") * 1000;
            this.#zoom = { fromMs: at(plot.select.left), toMs: at(plot.select.left + plot.select.width) };
            plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
            this.draw();
          },
        ],
      },
    };
  }

  /** A stripe at the foot of the plot for each point, where its status was not good. */
  #drawTroubles(plot, colourOf) {
    const { ctx, bbox } = plot;
    const { toMs, series } = this.#seen();
    const height = 4 * devicePixelRatio;
    for (const [index, { samples }] of series.entries()) {
      for (const [from, to, severity] of troubles(samples, toMs)) {
        const left = Math.max(bbox.left, plot.valToPos(from / 1000, "x", true));
        const right = Math.min(bbox.left + bbox.width, plot.valToPos(to / 1000, "x", true));
        ctx.fillStyle = colourOf[severity];
        if (right > left) ctx.fillRect(left, bbox.top + bbox.height - (index + 1) * height, right - left, height - 1);
      }
    }
  }

  #describe() {
    const items = Array.from(this.#series.values(), (series, index) => {
      const { row, isGone } = series;
      const value = isGone ? words.pointGone : `${row.value} ${row.unit}`.trim();
      const status = row.quality === "good" ? words.qualities.good : `${words.qualities[row.quality]} (${row.status})`;
      const details = [
        ["description", row.description],
        ["source", row.source],
        ["key", row.key],
        ["type", row.type],
        ["interval", `${milliseconds(row.intervalMs)} ms`],
        ["received", row.receivedMs === 0 ? "" : `${instant(row.receivedMs)} (${age(this.#clock() - row.receivedMs)})`],
        ["sourceTime", row.sourceMs === 0 ? "" : instant(row.sourceMs)],
      ].filter(([, text]) => text !== "");
      return element(
        "li",
        { "data-quality": isGone ? "dead" : row.quality },
        element("span", { class: `swatch line-${index + 1}`, "aria-hidden": "true" }),
        element("b", {}, row.name),
        element("span", {}, row.server),
        element("span", { class: "value" }, value),
        element("span", {}, isGone ? "" : status),
        element("span", { class: "hint" }, isNumber(row) ? "" : words.notPlotted),
        element(
          "button",
          { type: "button", "aria-label": `${words.close}: ${row.name}`, onclick: () => this.toggle(row) },
          "\u00d7",
        ),
        element(
          "dl",
          {},
          ...details.flatMap(([name, text]) => [element("dt", {}, words.details[name]), element("dd", {}, text)]),
        ),
      );
    });
    // A button that has the focus must not vanish under the finger.
    if (this.#legend.contains(document.activeElement) && items.length === this.#legend.children.length) {
      for (const [index, item] of items.entries()) {
        const old = this.#legend.children[index];
        old.dataset.quality = item.dataset.quality;
        for (const name of [".value", "dl"]) old.querySelector(name).replaceWith(item.querySelector(name));
      }
    } else this.#legend.replaceChildren(...items);
  }

  #togglePause() {
    this.#frozenMs = this.#frozenMs === undefined ? this.#clock() : undefined;
    setText(this.#pause, this.#frozenMs === undefined ? words.pause : words.resume);
    this.draw();
  }

  #unzoom() {
    this.#zoom = undefined;
    this.draw();
  }

  #download() {
    const { series, data, fromMs, toMs } = this.#seen();
    const inside = data[0]
      .map((time, index) => [time, index])
      .filter(([time]) => time * 1000 >= fromMs && time * 1000 <= toMs);
    const text = csvOf(
      series,
      data.map((column) => inside.map(([, index]) => column[index])),
    );
    const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    element("a", { href: url, download: `trend-${new Date(toMs).toISOString().replaceAll(":", "-")}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  #size() {
    return { width: Math.max(200, this.#canvas.clientWidth), height: plotHeightPx };
  }
}
