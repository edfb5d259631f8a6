// Cost per value as a picture: two panels with logarithmic axes, readable on a light and on a dark page.

import type { Cost } from "./cost-per-value.ts";
import { rounded } from "./report.ts";

const panelWidth = 380;
const panelHeight = 250;
const left = 62;
const top = 52;
const width = 2 * (left + panelWidth) + 30;
const height = top + panelHeight + 62;

const titles: Readonly<Record<Cost["panel"], string>> = {
  values: "values, each second",
  servers: "servers of 10 values, each second",
};

const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .small { font-size: 12px; fill: #59636e; }
  .grid { stroke: #d1d9e0; }
  .line { fill: none; stroke-width: 2.5; }
  .first { stroke: #0969da; } circle.first, text.first { fill: #0969da; stroke: none; }
  .second { stroke: #bc4c00; } circle.second, text.second { fill: #bc4c00; stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .small { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .first { stroke: #4493f8; } circle.first, text.first { fill: #4493f8; }
    .second { stroke: #f0883e; } circle.second, text.second { fill: #f0883e; }
  }`;

interface Axis {
  readonly decades: readonly number[];
  /** 0 to 1. */
  readonly at: (value: number) => number;
}

/** Whole decades around the values, at least one. */
function axisOf(values: readonly number[]): Axis {
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    decades: Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index)),
    at: (value) => (Math.log10(value) - first) / (last - first),
  };
}

export function costPicture(costs: readonly Cost[]): string {
  const y = axisOf(costs.map(({ usPerValue }) => usPerValue));
  const panels = (["values", "servers"] as const).map((panel, index) => {
    const shown = costs.filter((cost) => cost.panel === panel);
    return shown.length === 0 ? "" : panelOf(panel, shown, y, left + index * (panelWidth + left + 10));
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="Processor time per value">`,
    `<style>${style}\n</style>`,
    `<text class="title" x="${left}" y="22">Processor time of the partition process, µs per value and poll</text>`,
    ...panels,
    "</svg>\n",
  ].join("\n");
}

function panelOf(panel: Cost["panel"], costs: readonly Cost[], y: Axis, x0: number): string {
  const x = axisOf(costs.map(({ count }) => count));
  const across = (count: number): string => (x0 + x.at(count) * panelWidth).toFixed(1);
  const down = (us: number): string => (top + (1 - y.at(us)) * panelHeight).toFixed(1);
  const series = [...new Set(costs.map((cost) => cost.series))];
  const bottom = top + panelHeight;
  return [
    ...y.decades.flatMap((us) => [
      `<line class="grid" x1="${x0}" x2="${x0 + panelWidth}" y1="${down(us)}" y2="${down(us)}"/>`,
      `<text class="small" x="${x0 - 8}" y="${down(us)}" dy="4" text-anchor="end">${us}</text>`,
    ]),
    ...x.decades.flatMap((count) => [
      `<line class="grid" x1="${across(count)}" x2="${across(count)}" y1="${top}" y2="${bottom}"/>`,
      `<text class="small" x="${across(count)}" y="${bottom + 18}" text-anchor="middle">${count.toLocaleString("en")}</text>`,
    ]),
    `<text x="${x0 + panelWidth / 2}" y="${bottom + 42}" text-anchor="middle">${titles[panel]}</text>`,
    ...series.map((name, index) => {
      const colour = index === 0 ? "first" : "second";
      const points = costs.filter((cost) => cost.series === name);
      const line = points.map((one) => `${across(one.count)},${down(one.usPerValue)}`).join(" ");
      const marks = points.map(({ count, usPerValue }, at) => {
        const anchor = at === 0 ? "start" : at === points.length - 1 ? "end" : "middle";
        const place = `x="${across(count)}" y="${down(usPerValue)}" dy="${index === 0 ? 20 : -10}"`;
        return (
          `<circle class="${colour}" cx="${across(count)}" cy="${down(usPerValue)}" r="3.5"/>` +
          `<text class="small" ${place} text-anchor="${anchor}">${rounded(usPerValue)}</text>`
        );
      });
      const title = `<text class="title ${colour}" x="${x0 + panelWidth - 8}" y="${top + 20 + 20 * index}" text-anchor="end">${name}</text>`;
      return `<polyline class="line ${colour}" points="${line}"/>${marks.join("")}${title}`;
    }),
  ].join("\n");
}
