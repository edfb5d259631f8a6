// What is wrong, and what to do: the first thing on the page. Green and quiet when nothing is.

import { element } from "./dom.js";
import { count, since, words } from "./words.js";

let shown = "";

/** Built anew only when it says something else, so that a reader keeps the place. */
export function showProblems(section, { problems, problemCount }) {
  const text = JSON.stringify(problems);
  if (text === shown) return;
  shown = text;
  section.classList.toggle("quiet", problemCount === 0);
  if (problemCount === 0) {
    section.replaceChildren(element("p", { class: "fine" }, words.allFine));
    return;
  }
  section.replaceChildren(
    element("h2", {}, `${words.problems} (${count(problemCount)})`),
    element("ul", { tabIndex: 0, "aria-label": words.problems }, ...problems.map(problemItem)),
    ...(problemCount > problems.length
      ? [element("p", {}, words.moreProblems(count(problemCount - problems.length)))]
      : []),
  );
}

function problemItem(problem) {
  const { kind, severity, detail, failure, row } = problem;
  const remedy =
    kind === "serverLost" || (kind === "serverNotYetConnected" && failure !== undefined)
      ? words.remedies.failures[failure ?? "unknown"]
      : words.remedies[kind];
  return element(
    "li",
    { class: severity, "data-kind": kind },
    element("span", { class: "what" }, words.kinds[kind](problem, count)),
    element(
      "span",
      { class: "since" },
      problem.since === undefined ? words.sinceBefore : words.since(since(problem.since)),
    ),
    detail === "" ? undefined : element("span", { class: "reason" }, element("b", {}, `${words.reason}: `), detail),
    element("span", { class: "remedy" }, element("b", {}, `${words.remedy}: `), remedy),
    element("span", { class: "handbook" }, words.handbook(row.section, row.row.replaceAll("`", ""))),
  );
}
