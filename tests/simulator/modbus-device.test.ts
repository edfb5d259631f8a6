import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";

import { ModbusDevice, type ModbusTable } from "../../packages/simulator/src/modbus-device.ts";

/** Holding registers 100 to 229 hold their address, unit 2 the double; bits are set where the address is a multiple of 3. */
const table: ModbusTable = (functionCode, unitId, address) => {
  if (address < 100 || address > 229) return undefined;
  return functionCode <= 2 ? Number(address % 3 === 0) : address * unitId;
};

describe("Modbus device", { timeout: 200_000 }, () => {
  let device: ModbusDevice;
  let socket: Socket;

  before(async () => {
    device = await ModbusDevice.listen({ table, strict: true, unitIds: [1, 2] });
    socket = await open();
  });

  beforeEach(() => {
    device.exceptionFor = undefined;
  });

  after(async () => {
    socket.destroy();
    await device.stop();
  });

  async function open(): Promise<Socket> {
    const opened = connect(device.port, device.host);
    await once(opened, "connect");
    return opened;
  }

  /** Sends bytes in hexadecimal and gives back as many bytes as the answer's header announces. */
  async function ask(request: string, on = socket): Promise<string> {
    on.write(bytes(request));
    return answer(on);
  }

  it("answers FC03 with the registers, high byte first", async () => {
    assert.equal(
      //        id   proto length unit fc address quantity
      await ask("1234 0000 0006 01 03 0064 0003"),
      //  id   proto length unit fc bytes 100  101  102
      hex("1234 0000 0009 01 03 06 0064 0065 0066"),
    );
  });

  it("answers FC04 from the unit that is asked", async () => {
    assert.equal(await ask("0001 0000 0006 02 04 0064 0001"), hex("0001 0000 0005 02 04 02 00c8"));
  });

  it("packs the bits of FC01 and FC02 with the first one in the lowest place", async () => {
    // 102, 105 and 108 of 100 to 109: 0010 0100 in the first byte, 01 in the second, and the rest of it is 0.
    assert.equal(await ask("0001 0000 0006 01 01 0064 000a"), hex("0001 0000 0005 01 01 02 2401"));
    assert.equal(await ask("0001 0000 0006 01 02 0064 000a"), hex("0001 0000 0005 01 02 02 2401"));
  });

  it("gives the exceptions of the standard", async () => {
    const exceptions = [
      { request: "06 0064 0001", code: 1, why: "a function that is not there (write single register)" },
      { request: "03 0063 0002", code: 2, why: "a range that begins before the table" },
      { request: "03 ffff 0002", code: 2, why: "a range past the last address" },
      { request: "03 0064 0000", code: 3, why: "no register" },
      { request: "03 0064 007e", code: 3, why: "126 registers" },
      { request: "01 0064 07d1", code: 3, why: "2001 bits" },
    ];
    for (const { request, code, why } of exceptions) {
      const functionCode = Number.parseInt(request.slice(0, 2), 16);
      const expected = `0007 0000 0003 01 ${(functionCode | 0x80).toString(16)} 0${code}`;
      assert.equal(await ask(`0007 0000 0006 01 ${request}`), hex(expected), why);
    }
    assert.equal(await ask("0007 0000 0006 09 03 0064 0001"), hex("0007 0000 0003 09 83 0b"), "a unit nobody knows");
  });

  it("takes requests in pieces and several at once, and answers in order", async () => {
    const requests = bytes("0001 0000 0006 01 03 0064 0001 0002 0000 0006 01 03 0065 0001");
    socket.write(requests.subarray(0, 5));
    socket.write(requests.subarray(5, 20));
    socket.write(requests.subarray(20));
    assert.equal(await answer(socket), hex("0001 0000 0005 01 03 02 0064"));
    assert.equal(await answer(socket), hex("0002 0000 0005 01 03 02 0065"));
  });

  it("ends a connection whose frames are no Modbus, and no other", async () => {
    for (const bad of ["0001 0001 0006 01 03 0064 0001", "0001 0000 0001 01 03", "0001 0000 00ff 01 03 0064 0001"]) {
      const other = await open();
      other.resume().write(bytes(bad));
      await once(other, "close");
    }
    assert.equal(await ask("0001 0000 0006 01 03 0064 0001"), hex("0001 0000 0005 01 03 02 0064"));
  });

  it("reads 0 where it has nothing, unless it is strict", async (test) => {
    const lenient = await ModbusDevice.listen({ table });
    const other = connect(lenient.port, lenient.host);
    test.after(() => lenient.stop()); // its end ends the connection
    assert.equal(await ask("0001 0000 0006 01 03 0063 0002", other), hex("0001 0000 0007 01 03 04 0000 0064"));
    // Past the last address there is nothing even for the lenient.
    assert.equal(await ask("0002 0000 0006 01 03 ffff 0002", other), hex("0002 0000 0003 01 83 02"));
    assert.equal(await ask("0003 0000 0006 01 03 ffff 0001", other), hex("0003 0000 0005 01 03 02 0000"));
  });

  it("answers with an exception on demand", async () => {
    device.exceptionFor = ({ address }) => (address === 100 ? 4 : undefined);
    assert.equal(await ask("0001 0000 0006 01 03 0064 0001"), hex("0001 0000 0003 01 83 04"));
    assert.equal(await ask("0001 0000 0006 01 03 0065 0001"), hex("0001 0000 0005 01 03 02 0065"));
  });

  it("answers nothing while it is paused, and everything afterwards", async () => {
    device.pause();
    const answered = device.answered;
    const late = await open();
    late.write(bytes("0001 0000 0006 01 03 0064 0001"));
    socket.write(bytes("0002 0000 0006 01 03 0065 0001"));
    // Another device answers ten requests meanwhile: time enough for this one, if it did not wait.
    const other = await ModbusDevice.listen({ table });
    const awake = connect(other.port, other.host);
    for (let i = 0; i < 10; i += 1) await ask("0001 0000 0006 01 03 0064 0001", awake);
    awake.destroy();
    await other.stop();
    assert.equal(device.answered, answered);
    device.resume();
    assert.equal(await answer(late), hex("0001 0000 0005 01 03 02 0064"));
    assert.equal(await answer(socket), hex("0002 0000 0005 01 03 02 0065"));
    late.destroy();
  });

  it("resets its connections on demand and takes new ones", async () => {
    const victim = await open();
    const [error] = await Promise.all([
      once(victim, "error").then(([cause]) => cause as NodeJS.ErrnoException),
      once(socket.resume(), "error"),
      ask("0001 0000 0006 01 03 0064 0001", victim).then(() => device.dropConnections()),
    ]);
    assert.equal(error.code, "ECONNRESET");
    socket = await open();
    assert.equal(await ask("0001 0000 0006 01 03 0064 0001"), hex("0001 0000 0005 01 03 02 0064"));
  });

  it("says which port cannot be had", async () => {
    await assert.rejects(ModbusDevice.listen({ table, port: device.port }), { code: "EADDRINUSE" });
  });
});

async function answer(on: Socket): Promise<string> {
  for (;;) {
    const header: Buffer | null = on.read(6);
    if (header !== null) {
      const length = header.readUInt16BE(4);
      for (;;) {
        const rest: Buffer | null = on.read(length);
        if (rest !== null) return Buffer.concat([header, rest]).toString("hex");
        await once(on, "readable");
      }
    }
    await once(on, "readable");
  }
}

function bytes(text: string): Buffer {
  return Buffer.from(hex(text), "hex");
}

function hex(text: string): string {
  return text.replaceAll(" ", "");
}
