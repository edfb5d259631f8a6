// The OPC UA server that both sides of a benchmark read: node-opcua with COUNT Double variables, no security, in a process of
// its own. Prints {"port": N} when it listens and ends when its standard input does.
//
//   opcua-server.ts COUNT

import { once } from "node:events";
import { DataType, Variant } from "node-opcua-client";
import { addConstant, certificateIn, portOf, startServer, temporaryFolder } from "../../tests/plant/opcua-server.ts";

const count = Number(process.argv[2]);
const folder = await temporaryFolder();
const { server, url } = await startServer({
  folder: folder.path,
  certificate: await certificateIn(folder.path, "server"),
  policies: [],
  maxNodesPerRead: 0,
  build: (built) => {
    for (let index = 0; index < count; index++)
      addConstant(built, `node ${index}`, new Variant({ dataType: DataType.Double, value: index + 0.25 }));
  },
});
process.stdout.write(`${JSON.stringify({ port: portOf(url) })}\n`);

process.stdin.resume();
await once(process.stdin, "end");
await server.shutdown(0);
await folder.remove();
process.exit(0);
