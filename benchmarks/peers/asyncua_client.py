"""Polls COUNT nodes of a benchmark's OPC UA server with asyncua, all in one Read: asyncua_client.py PORT COUNT."""

import asyncio
import logging
import sys

from asyncua import Client
from polling import answer_async_polls


async def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    logging.disable(logging.WARNING)
    async with Client(f"opc.tcp://127.0.0.1:{port}") as client:
        nodes = [client.get_node(f"ns=1;s=node {index}") for index in range(count)]
        await answer_async_polls("asyncua", lambda: client.read_values(nodes))


asyncio.run(main())
