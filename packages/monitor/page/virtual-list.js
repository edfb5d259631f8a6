// A list of any length of which only the rows on the screen exist. Rows have one height; they are used again while the list is scrolled.
//
// To assistive technology it is a grid that says how many rows it has and which of them these are. One row has the focus: arrows, Page Up,
// Page Down, Home and End move it, Enter chooses it.

import { element } from "./dom.js";

const spareRows = 12;

export class VirtualList {
  /** What it is made of, to be put into the page. */
  root;
  #body;
  #spacer;
  #head;
  #columns;
  #rowHeight;
  #fill;
  #onWindow;
  #onChoose;
  #total = 0;
  #rows = new Map();
  #data = new Map();
  #active = 0;

  /**
   * `columns`: `{name, title}` each; `fill(cells, row, data)` writes a row; `onWindow(first, count)` is told which rows are wanted.
   */
  constructor({ label, columns, rowHeight, fill, onWindow, onChoose }) {
    this.#columns = columns;
    this.#rowHeight = rowHeight;
    this.#fill = fill;
    this.#onWindow = onWindow;
    this.#onChoose = onChoose;
    this.#spacer = element("div", { class: "spacer" });
    this.#head = element(
      "div",
      { class: "row head", role: "row", "aria-rowindex": 1 },
      ...columns.map(({ name, title }) => element("div", { class: `cell ${name}`, role: "columnheader" }, title)),
    );
    this.#body = element("div", { class: "rows", role: "rowgroup" }, this.#spacer);
    this.root = element(
      "div",
      {
        class: "grid",
        role: "grid",
        tabIndex: 0,
        "aria-label": label,
        "aria-colcount": columns.length,
        onscroll: () => this.#draw(),
        onkeydown: (event) => this.#press(event),
      },
      element("div", { role: "rowgroup", class: "head-group" }, this.#head),
      this.#body,
    );
    new ResizeObserver(() => this.#draw()).observe(this.root);
  }

  /** Forgets all rows: another list is shown. */
  clear() {
    this.#data.clear();
    this.root.scrollTop = 0;
    this.#active = 0;
    this.#draw();
  }

  /** Rows by their place; others stay as they are. */
  update(total, rows) {
    this.#total = total;
    this.root.setAttribute("aria-rowcount", String(total + 1));
    this.#spacer.style.height = `${total * this.#height()}px`;
    for (const [place, data] of Object.entries(rows)) this.#data.set(Number(place), data);
    for (const place of this.#data.keys()) if (place >= total) this.#data.delete(place);
    this.#draw();
  }

  /** Writes the rows on the screen again: ages pass. */
  refresh() {
    for (const [place, row] of this.#rows) this.#write(row, place);
  }

  #height() {
    return this.#rowHeight();
  }

  #draw() {
    const height = this.#height();
    const first = Math.max(0, Math.floor(this.root.scrollTop / height) - spareRows);
    const count = Math.min(this.#total - first, Math.ceil(this.root.clientHeight / height) + 2 * spareRows);
    const last = first + Math.max(0, count);
    const free = [];
    for (const [place, row] of this.#rows) {
      if (place >= first && place < last) continue;
      this.#rows.delete(place);
      free.push(row);
    }
    for (let place = first; place < last; place++) {
      let row = this.#rows.get(place);
      if (row === undefined) {
        row = free.pop() ?? this.#make();
        this.#rows.set(place, row);
        row.line.style.transform = `translateY(${place * height}px)`;
        row.line.setAttribute("aria-rowindex", String(place + 2));
        row.line.id = `${this.root.id}-row-${place}`;
        row.place = place;
        if (row.line.parentNode === null) this.#body.append(row.line);
      }
      this.#write(row, place);
    }
    for (const row of free) row.line.remove();
    this.#markActive();
    this.#onWindow(first, Math.max(1, Math.ceil(this.root.clientHeight / height) + 2 * spareRows));
  }

  #make() {
    const cells = Object.fromEntries(
      this.#columns.map(({ name }) => [name, element("div", { class: `cell ${name}`, role: "gridcell" })]),
    );
    const row = { cells, place: 0, line: undefined };
    row.line = element(
      "div",
      { class: "row", role: "row", onclick: () => this.#choose(row.place) },
      ...Object.values(cells),
    );
    return row;
  }

  #write(row, place) {
    const data = this.#data.get(place);
    row.line.classList.toggle("pending", data === undefined);
    if (data !== undefined) this.#fill(row.cells, row.line, data);
    else for (const cell of Object.values(row.cells)) cell.textContent = "";
  }

  #choose(place) {
    this.#active = place;
    this.#markActive();
    const data = this.#data.get(place);
    if (data !== undefined) this.#onChoose(data);
  }

  #press(event) {
    const page = Math.max(1, Math.floor(this.root.clientHeight / this.#height()) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.#total, End: this.#total };
    if (event.key === "Enter" || event.key === " ") this.#choose(this.#active);
    else if (steps[event.key] === undefined) return;
    else {
      this.#active = Math.max(0, Math.min(this.#total - 1, this.#active + steps[event.key]));
      this.#reveal(this.#active);
      this.#markActive();
    }
    event.preventDefault();
  }

  #reveal(place) {
    const [top, height] = [place * this.#height(), this.#height()];
    const room = this.root.clientHeight - this.#head.offsetHeight;
    if (top < this.root.scrollTop) this.root.scrollTop = top;
    else if (top + height > this.root.scrollTop + room) this.root.scrollTop = top + height - room;
    this.#draw();
  }

  #markActive() {
    for (const [place, { line }] of this.#rows) line.classList.toggle("active", place === this.#active);
    const active = this.#rows.get(this.#active);
    if (active === undefined) this.root.removeAttribute("aria-activedescendant");
    else this.root.setAttribute("aria-activedescendant", active.line.id);
  }
}
