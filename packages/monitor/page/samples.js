// The samples of the plotted points, and how they become columns for a plot. Pure.
//
// A sample is [time in ms, value or null, severity 0 good, 1 uncertain, 2 bad]. A value holds until the next one: the journal has changes only.

const mostSamples = 20_000;

export function appended(samples, more) {
  const all = samples.concat(more);
  return all.length > mostSamples ? all.slice(-mostSamples) : all;
}

/** The value that holds at the beginning, so that a line begins at the left edge, then what came until `toMs`. */
export function within(samples, fromMs, toMs) {
  const first = samples.findLastIndex(([time]) => time <= fromMs);
  return samples.slice(Math.max(0, first)).filter(([time]) => time <= toMs);
}

/**
 * Columns with one axis of time (seconds) for all series, each value held until the next change; null where there is no value. `endMs`: a
 * series that is alive goes on until then.
 */
export function aligned(series, endMs) {
  const times = new Set(series.flatMap(({ samples }) => samples.map(([time]) => time)));
  for (const { isLive } of series) if (isLive) times.add(endMs);
  const sorted = [...times].sort((one, other) => one - other);
  const columns = series.map(({ samples, isLive }) => {
    let next = 0;
    return sorted.map((time) => {
      while (next < samples.length && samples[next][0] <= time) next++;
      if (next === 0) return null;
      // A series that is not alive says nothing about the time behind its last sample.
      if (!isLive && next === samples.length && samples[next - 1][0] < time) return null;
      return samples[next - 1][1];
    });
  });
  return [sorted.map((time) => time / 1000), ...columns];
}

/** Stretches in which the status was not good: [from, to, severity], in ms. */
export function troubles(samples, endMs) {
  const found = [];
  for (const [index, [time, , severity]] of samples.entries()) {
    if (severity === 0) continue;
    const end = samples[index + 1]?.[0] ?? endMs;
    const last = found.at(-1);
    if (last !== undefined && last[1] === time && last[2] === severity) last[1] = end;
    else found.push([time, end, severity]);
  }
  return found;
}

/** What is seen, as a table: time and one column for each point, by RFC 4180. */
export function csvOf(series, [times, ...columns]) {
  const head = ["time", ...series.map(({ name, unit }) => (unit === "" ? name : `${name} [${unit}]`))].map(quoted);
  const lines = times.map((time, index) =>
    [new Date(time * 1000).toISOString(), ...columns.map((column) => column[index] ?? "")].join(","),
  );
  return `${[head.join(","), ...lines].join("\r\n")}\r\n`;
}

function quoted(text) {
  // A spreadsheet takes a leading = + - @ for a formula; names come from servers.
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
