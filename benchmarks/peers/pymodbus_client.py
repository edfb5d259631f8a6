"""Polls COUNT holding registers of a device with pymodbus: pymodbus_client.py PORT COUNT."""

import sys

from polling import answer_polls
from pymodbus.client import ModbusTcpClient

MOST = 125
port, count = int(sys.argv[1]), int(sys.argv[2])
client = ModbusTcpClient("127.0.0.1", port=port)
client.connect()


def poll():
    values = []
    for first in range(0, count, MOST):
        values += client.read_holding_registers(first, count=min(MOST, count - first)).registers
    return values


answer_polls("pymodbus", poll)
client.close()
