// The connection to an OPC UA server fails in every way in which connections do.

import { fault } from "./fault.ts";
import { BornServer } from "./born-server.ts";
import { bornOpcUaXml } from "./born-opcua.ts";
import { Patient } from "./patient.ts";

const settings = "<timeout>0.5</timeout><retryInterval>0.2</retryInterval>";

fault({
  area: "OPC UA server",
  trigger: "it is killed and comes back",
  holds: "its values are bad at once, the neighbour's stay good, and they are good again without anybody's help",
  extent: "quick",
  run: async (t) => {
    const neighbour = await BornServer.start(t, "opcua", 500, 2);
    const server = await BornServer.start(t, "opcua", 0, 2);
    const patient = new Patient(t, {
      opcua: bornOpcUaXml(
        { alias: "victim", port: server.port, firstPlace: 0, points: 2, settings },
        { alias: "neighbour", port: neighbour.port, firstPlace: 500, points: 2, settings },
      ),
      rules: { bystanders: ["neighbour"] },
    });
    await patient.untilGood("victim", "neighbour");
    patient.healthy();
    await server.end("SIGKILL");
    await patient.untilBad("victim");
    await BornServer.start(t, "opcua", 0, 2, { port: server.port });
    await patient.untilGood("victim");
    await patient.end();
  },
});
