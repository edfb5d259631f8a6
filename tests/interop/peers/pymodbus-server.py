"""A Modbus TCP device made of nothing but pymodbus: the registers of a table, encoded by pymodbus itself.

    pymodbus-server.py TABLE

TABLE is JSON: key to {"value", "varType", "source": {"unit", "function", "address", "dataType", "wordOrder"}}. Prints {"port": N}
when it listens; when its standard input ends, {"requests": {"3": N, ...}}: the requests it saw, by function code.
"""

import asyncio
import collections
import json
import sys

from pymodbus.client.mixin import ModbusClientMixin
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

ENCODINGS = {
    "Int16": "INT16",
    "UInt16": "UINT16",
    "Int32": "INT32",
    "UInt32": "UINT32",
    "Int64": "INT64",
    "UInt64": "UINT64",
    "Float": "FLOAT32",
    "Double": "FLOAT64",
    "String": "STRING",
}
WORD_ORDERS = {"ABCD": "big", "CDAB": "little"}
COILS, DISCRETE_INPUTS, HOLDING_REGISTERS, INPUT_REGISTERS = range(4)


def sim_data(entry):
    source = entry["source"]
    if source["function"] <= 2:
        return SimData(source["address"], values=[entry["value"]], datatype=DataType.BITS)
    value = float(entry["value"]) if source["dataType"] in ("Float", "Double") else entry["value"]
    registers = ModbusClientMixin.convert_to_registers(
        value,
        ModbusClientMixin.DATATYPE[ENCODINGS[source["dataType"]]],
        word_order=WORD_ORDERS[source.get("wordOrder", "ABCD")],
    )
    registers += [0] * (source.get("quantity", len(registers)) - len(registers))
    return SimData(source["address"], values=registers, datatype=DataType.REGISTERS)


def devices(table):
    units = collections.defaultdict(lambda: ([], [], [], []))
    for entry in table.values():
        units[entry["source"]["unit"]][entry["source"]["function"] - 1].append(sim_data(entry))
    empty = (DataType.BITS, DataType.BITS, DataType.REGISTERS, DataType.REGISTERS)
    for unit, blocks in units.items():
        for block, datatype in zip(blocks, empty):
            if not block:
                block.append(SimData(60000, values=[False] if datatype is DataType.BITS else [0], datatype=datatype))
        yield SimDevice(unit, simdata=blocks)


async def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        table = json.load(file)
    requests = collections.Counter()

    def trace(sending, pdu):
        if not sending:
            requests[str(pdu.function_code)] += 1
        return pdu

    server = ModbusTcpServer(list(devices(table)), address=("127.0.0.1", 0), trace_pdu=trace)
    await server.serve_forever(background=True)
    print(json.dumps({"port": server.transport.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps({"requests": requests}), flush=True)
    await server.shutdown()


asyncio.run(main())
