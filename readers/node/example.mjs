// Shows every value of an image each time one was published, and whether it is usable: node example.mjs modbus_image
// Needs the package @cpc-partition/image: npm install @cpc-partition/image

import { BuiltInType, ConnectionState, dateOf, OpenedImage, usability } from "@cpc-partition/image";

/** What this program can live with: three times the poll interval of the group. */
const intervals = 3;

const [name = "modbus_image", rounds = "Infinity"] = process.argv.slice(2);
const image = new OpenedImage(name);

for (let round = 0; round < Number(rounds);) {
  if (!(await image.nextPublish(1000))) {
    console.log(`nothing new for a second, and the writer is ${image.hasWriter() ? "alive" : "dead"}`);
    continue;
  }
  round++;
  const reader = image.current(); // another one after every new generation and every restart of the writer
  if (reader === undefined) continue;
  for (const [index, server] of reader.directory.servers.entries()) {
    const isConnected = reader.serverState(index)?.connection === ConnectionState.connected;
    console.log(`${server.alias}: ${isConnected ? "connected" : "not connected"}`);
    for (const group of server.groups) {
      const snapshot = reader.snapshot(group.index); // `reusableSnapshot` and `refresh` for many a second
      if (snapshot !== undefined) show(snapshot);
    }
  }
}
image.close();

/** @param {import("@cpc-partition/image").GroupSnapshot} snapshot */
function show(snapshot) {
  for (const [index, point] of snapshot.points.entries()) {
    const { type, value, receivedNs } = snapshot.reading(index);
    const answer = usability(image, snapshot, index, { maxAgeMs: intervals * snapshot.group.intervalMs });
    const ageS = (Date.now() - Number(receivedNs / 1_000_000n)) / 1000;
    const quality = answer.isUsable ? `usable, ${ageS.toFixed(1)} s old` : `NOT USABLE: ${answer.why}`;
    const isDate = type === BuiltInType.DateTime && typeof value === "bigint";
    const text = isDate ? dateOf(value).toISOString() : String(value);
    console.log(`  ${point.key} = ${text} ${point.unit}   ${quality}`);
  }
}
