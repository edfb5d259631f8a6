"""Stands in for the Python reference: asyncua, three calls for each node, one after the other.

    reference_opcua.py PORT COUNT
"""

import asyncio
import logging
import sys

from asyncua import Client
from reference_cycle import Publisher, cycles


async def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    logging.disable(logging.WARNING)
    publisher = Publisher(200 * (count + 1))
    connection = {"value": True, "varType": "Boolean", "description": "Connection status to the OPC UA server"}

    async def next_line():
        return await asyncio.to_thread(sys.stdin.readline)

    try:
        async with Client(f"opc.tcp://127.0.0.1:{port}") as client:
            nodes = [client.get_node(f"ns=1;s=node {index}") for index in range(count)]

            async def read_document():
                document = {"OPC UA Connections:plant": connection}
                for index, node in enumerate(nodes):
                    browse_name = await node.read_browse_name()
                    var_type = await node.read_data_type_as_variant_type()
                    value = await node.read_value()
                    document[f"{browse_name.NamespaceIndex}:{browse_name.Name}"] = {
                        "value": value,
                        "varType": var_type.name,
                        "description": f"node {index}",
                    }
                return document

            await cycles(read_document, publisher, next_line)
    finally:
        publisher.remove()


asyncio.run(main())
