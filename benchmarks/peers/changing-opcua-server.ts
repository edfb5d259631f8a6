// An OPC UA server in a process of its own: so many Doubles, of which every second one changes every 100 ms. Its port is the first line it writes.

import { DataType, StatusCodes, Variant } from "node-opcua-client";
import { certificateIn, portOf, startServer, temporaryFolder } from "../../tests/plant/opcua-server.ts";

const CHANGE_MS = 100;
const nodes = Number(process.argv[2]);

const folder = await temporaryFolder();
const certificate = await certificateIn(folder.path, "server");
const moving: ((value: number) => void)[] = [];
const { server, url } = await startServer({
  folder: folder.path,
  certificate,
  policies: [],
  maxNodesPerRead: 10_000,
  build: ({ engine: { addressSpace } }) => {
    for (let index = 0; index < nodes; index++) {
      const variable = addressSpace?.getOwnNamespace().addVariable({
        organizedBy: addressSpace.rootFolder.objects,
        nodeId: `s=n${index}`,
        browseName: `n${index}`,
        dataType: "Double",
        minimumSamplingInterval: 0,
      });
      const set = (value: number): void =>
        variable?.setValueFromSource(new Variant({ dataType: DataType.Double, value }), StatusCodes.Good);
      set(index);
      if (index % 2 === 0) moving.push(set);
    }
  },
});
let round = 0;
const timer = setInterval(() => {
  round++;
  for (const [index, set] of moving.entries()) set(round + index);
}, CHANGE_MS);
process.once("SIGTERM", () => {
  clearInterval(timer);
  void server.shutdown(0).then(() => folder.remove());
});
process.stdout.write(`${portOf(url)}\n`);
