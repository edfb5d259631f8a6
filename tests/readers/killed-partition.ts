// The partition as its users run it, killed again and again, on a device that answers every poll with another round of the pattern.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { ModbusDevice } from "../../packages/simulator/src/modbus-device.ts";
import { modbusServersXml } from "../plant/configuration-xml.ts";
import { Partition } from "../interop/partition.ts";
import { AgentProcess, languages } from "./agents/agent-process.ts";
import { copyPolls } from "./torn-reads.ts";

const points = 100;
const registersPerPoint = 4;
const longestLifeMs = 300;

/** Doubles, most significant word first; a request for the first register begins the next round. */
async function patternDevice(): Promise<ModbusDevice> {
  let round = 0;
  const word = new DataView(new ArrayBuffer(8));
  return await ModbusDevice.listen({
    table: (_function, _unit, address) => {
      if (address === 0) round++;
      word.setFloat64(0, round + Math.floor(address / registersPerPoint));
      return word.getUint16(2 * (address % registersPerPoint));
    },
  });
}

/** Fails when a reader sees a mixture, ends, or does not find the next partition; how many whole polls were read. */
export async function killPartitions(kills: number): Promise<{ readonly wholeReads: number }> {
  const device = await patternDevice();
  const entries = Array.from({ length: points }, (_, index) => ({
    name: `point ${index}`,
    function: 3 as const,
    address: registersPerPoint * index,
    dataType: "Double",
  }));
  await using partition = new Partition();
  await using agents = new AsyncDisposableStack();
  const readers = languages.map((language) =>
    agents.use(new AgentProcess(language, `${partition.prefix}modbus_image`)),
  );
  const everybody = <T>(run: (agent: AgentProcess) => Promise<T>): Promise<T[]> => Promise.all(readers.map(run));
  const options = {
    modbus: partition.write(
      "modbus.xml",
      modbusServersXml({ alias: "pattern", port: device.port, endpoints: entries }),
    ),
    intervalSeconds: 0.02,
  };
  let wholeReads = 0;
  const copyAll = async (count: number): Promise<void> => {
    for (const { whole, torn } of await everybody((agent) => copyPolls(agent, count, "checked"))) {
      assert.equal(torn, 0);
      wholeReads += whole;
    }
  };
  try {
    for (let kill = 0; kill < kills; kill++) {
      const found = everybody((agent) => agent.ask("wait 60000"));
      if (kill === 0) partition.run(options);
      else partition.runAgain();
      assert.deepEqual(await found, [["1"], ["1"], ["1"]]);
      await everybody(polledTwice);
      for (const dump of await everybody((agent) => agent.ask("dump")))
        assert.match(dump.join(), /"key": ?"pattern: point 0".*?"value": ?[1-9]/);
      const life = pause(Math.random() * longestLifeMs).then(() => partition.kill());
      const over = new AbortController();
      void life.finally(() => over.abort());
      while (!over.signal.aborted) await copyAll(1000);
      await life;
      await copyAll(10);
      assert.deepEqual(await everybody((agent) => agent.ask("alive")), [["0"], ["0"], ["0"]]);
      await everybody((agent) => agent.ask("wait 0"));
    }
  } finally {
    await device.stop();
  }
  return { wholeReads };
}

/** The reader sees a poll that came after the first with values. */
async function polledTwice(agent: AgentProcess): Promise<void> {
  for (;;) {
    const [published] = /\d+/.exec((await agent.ask("take")).join()) ?? [];
    if (Number(published) > 3) return;
    await agent.ask("wait 1000");
  }
}
