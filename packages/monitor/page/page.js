// The page: puts its parts together and hands them what the streams say.

import { element, select, setText } from "./dom.js";
import { Live } from "./live.js";
import { Plot } from "./plot.js";
import { Points } from "./points.js";
import { showProblems } from "./problems.js";
import { Servers } from "./servers.js";
import { count, language, since, words } from "./words.js";

const parts = Object.fromEntries(
  ["summary", "connection", "preferences", "problems", "lists", "plot"].map((id) => [id, document.getElementById(id)]),
);
const phone = matchMedia("(max-width: 640px)");
const rowHeight = () => (phone.matches ? 58 : 28);

/** The gateway's clock: ages do not depend on this computer's. */
let clockOffsetMs = 0;
const clock = () => performance.now() + clockOffsetMs;
let lastLiveMs = Date.now();
let tab = "points";

const live = new Live(show, (isLive) => {
  if (isLive) lastLiveMs = Date.now();
  document.body.classList.toggle("silent", !isLive);
  const text = isLive ? words.connected : words.disconnected(since(lastLiveMs));
  setText(parts.connection, text);
});
const trend = new Live(({ chosen, trend: samples }) => {
  if (chosen !== undefined) plot.show(chosen);
  if (samples !== undefined) plot.add(samples);
});

const plot = new Plot(parts.plot, {
  clock,
  onChange: () => {
    plot.restart();
    trend.show(plot.ids.length === 0 ? undefined : { chosen: plot.ids });
    points.refresh();
  },
});
const points = new Points({
  clock,
  rowHeight,
  isChosen: (id) => plot.has(id),
  onChoose: (row) => plot.toggle(row),
  onView: () => ask(),
});
const servers = new Servers({ rowHeight, onView: () => ask(), onChoose: () => {} });

let asked;
/** Scrolling asks at most some five times a second. */
function ask() {
  clearTimeout(asked);
  asked = setTimeout(() => live.show((tab === "points" ? points : servers).view), 150);
}

function show(changes) {
  lastLiveMs = Date.now();
  clockOffsetMs = changes.nowMs - performance.now();
  const { overall, serverNames } = changes;
  if (overall !== undefined) {
    setText(parts.summary, words.summary(overall, count));
    document.body.classList.toggle("dead", !overall.isAlive && overall.imagesMissing === 0);
    document.body.dataset.worst = overall.problems[0]?.severity ?? "none";
    document.title = overall.problemCount === 0 ? words.title : `(${overall.problemCount}) ${words.title}`;
    showProblems(parts.problems, overall);
  }
  if (serverNames !== undefined) points.setServers(serverNames);
  if (changes.points !== undefined && tab === "points") points.update(changes.points);
  if (changes.servers !== undefined && tab === "servers") servers.update(changes.servers);
}

function openTab(name) {
  tab = name;
  for (const button of tabs.children) {
    button.setAttribute("aria-selected", String(button.dataset.tab === name));
    button.tabIndex = button.dataset.tab === name ? 0 : -1;
  }
  panel.setAttribute("aria-labelledby", `tab-${name}`);
  panel.replaceChildren((name === "points" ? points : servers).root);
  ask();
}

const tabs = element(
  "div",
  {
    class: "tabs",
    role: "tablist",
    onkeydown: ({ key }) => {
      if (key !== "ArrowLeft" && key !== "ArrowRight") return;
      openTab(tab === "points" ? "servers" : "points");
      tabs.querySelector(`[data-tab=${tab}]`).focus();
    },
  },
  ...["points", "servers"].map((name) =>
    element(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${name}`,
        "data-tab": name,
        "aria-controls": "panel",
        onclick: () => openTab(name),
      },
      words.tabs[name],
    ),
  ),
);
const panel = element("div", { id: "panel", role: "tabpanel" });
parts.lists.append(tabs, panel);

const theme = localStorage.getItem("theme") ?? "auto";
function applyTheme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  plot.repaint();
}
parts.preferences.append(
  select(words.theme, Object.entries(words.themes), theme, (name) => {
    localStorage.setItem("theme", name);
    applyTheme(name);
  }),
  select(
    words.language,
    [
      ["en", "English"],
      ["de", "Deutsch"],
    ],
    language === "de" ? "de" : "en",
    (name) => {
      localStorage.setItem("language", name);
      location.reload();
    },
  ),
);
setText(parts.connection, words.connecting);
document.querySelector("h1").textContent = words.title;
applyTheme(theme);
openTab("points");
setInterval(() => {
  if (tab === "points") points.refresh();
  plot.draw();
}, 1000);
