"""Stands in for the Python reference: pyModbusTCP, one request for each register, one after the other.

    reference_modbus.py PORT COUNT
"""

import sys

from polling import answer_polls
from pyModbusTCP.client import ModbusClient
from reference_cycle import Publisher


def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    client = ModbusClient(host="127.0.0.1", port=port, auto_open=True)
    connection = {"value": True, "varType": "Boolean", "description": "Connection status to the Modbus server"}
    publisher = Publisher(200 * (count + 1))

    def poll():
        document = {"ModbusTCP Connections:plant: Connection status": connection}
        for address in range(count):
            registers = client.read_holding_registers(address, 1)
            if registers is None:
                raise RuntimeError(f"cannot read register {address}: {client.last_error_as_txt}")
            document[f"plant: register {address}"] = {
                "value": registers[0],
                "varType": "UInt16",
                "description": f"holding register {address}",
            }
        publisher.publish(document)
        return [entry["value"] for entry in list(document.values())[1:]]

    try:
        answer_polls("pyModbusTCP", poll)
    finally:
        publisher.remove()
        client.close()


main()
