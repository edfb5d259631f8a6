// Shows every value of an image each time one was published: node example.mjs modbus_image
// Needs the package @cpc-partition/image; in a checkout run it with --conditions=cpc-source

import { ConnectionState, isGood, OpenedImage } from "@cpc-partition/image";

const [name = "modbus_image", rounds = "Infinity"] = process.argv.slice(2);
const image = new OpenedImage(name);

for (let round = 0; round < Number(rounds);) {
  if (!(await image.nextPublish(1000))) {
    console.log(`nothing new for a second, and the writer is ${image.hasWriter() ? "alive" : "gone"}`);
    continue;
  }
  round++;
  const reader = image.current(); // another one after every new generation and every restart of the writer
  for (const index of reader?.directory.servers.keys() ?? []) {
    const snapshot = reader?.snapshot(index); // `reusableSnapshot` and `refresh` for many a second
    if (snapshot !== undefined) show(snapshot);
  }
}
image.close();

/** @param {import("@cpc-partition/image").ServerSnapshot} snapshot */
function show(snapshot) {
  const { server, connection } = snapshot;
  console.log(`${server.alias}: ${connection === ConnectionState.connected ? "connected" : "not connected"}`);
  for (const [index, point] of server.points.entries()) {
    const { value, status, receivedNs } = snapshot.reading(index);
    const ageS = (Date.now() - Number(receivedNs / 1_000_000n)) / 1000;
    const quality = isGood(status) ? "good" : `status ${status.toString(16)}`;
    console.log(`  ${point.key} = ${String(value)} ${point.unit}   ${quality}, ${ageS.toFixed(1)} s old`);
  }
}
