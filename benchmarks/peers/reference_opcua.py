"""Stands in for the Python reference: asyncua, three calls for each node, one after the other.

    reference_opcua.py PORT COUNT
"""

import asyncio
import logging
import sys

from asyncua import Client
from polling import answer_async_polls
from reference_cycle import Publisher


async def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    logging.disable(logging.WARNING)
    publisher = Publisher(200 * (count + 1))
    connection = {"value": True, "varType": "Boolean", "description": "Connection status to the OPC UA server"}
    try:
        async with Client(f"opc.tcp://127.0.0.1:{port}") as client:
            nodes = [client.get_node(f"ns=1;s=node {index}") for index in range(count)]

            async def poll():
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
                publisher.publish(document)
                return [entry["value"] for entry in list(document.values())[1:]]

            await answer_async_polls("asyncua", poll)
    finally:
        publisher.remove()


asyncio.run(main())
