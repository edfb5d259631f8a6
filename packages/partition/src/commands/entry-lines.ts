// A document for people: an entry on a line, so that it can be read, searched and compared. The text of every value stays as it is, since a parser
// would round integers of 64 bits and refuse NaN.

const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

export function entryLines(document: string): string {
  let depth = 0;
  let last = "";
  const parts: string[] = [];
  for (const [token] of document.matchAll(tokens)) {
    if (token === "}" || token === "]") depth--;
    parts.push(spaceBetween(last, token, depth), token);
    if (token === "{" || token === "[") depth++;
    last = token;
  }
  return parts.join("");
}

/** `depth`: of the second token, without what it opens. */
function spaceBetween(last: string, token: string, depth: number): string {
  const isEmpty = (last === "{" && token === "}") || (last === "[" && token === "]");
  if (isEmpty || last === "" || token === "," || token === ":") return "";
  if (depth === 0) return "\n";
  if (last === "{" || last === ",") return depth === 1 ? "\n  " : " ";
  return last === ":" || token === "}" ? " " : "";
}
