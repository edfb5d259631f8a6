"""What a benchmark's clients in Python share: says {"ready": true, "version": ...}, makes as many polls as each line of standard input says, one
after the other, and answers {"sum": S}, the sum of the values of the last one. Polls are timed from outside.
"""

import asyncio
import json
import sys
from importlib.metadata import version


def say(line):
    print(json.dumps(line), flush=True)


def answer_polls(package, poll):
    say({"ready": True, "version": version(package)})
    for line in sys.stdin:
        values = []
        for _ in range(int(line)):
            values = poll()
        say({"sum": sum(values)})


async def answer_async_polls(package, poll):
    say({"ready": True, "version": version(package)})
    while line := await asyncio.to_thread(sys.stdin.readline):
        values = []
        for _ in range(int(line)):
            values = await poll()
        say({"sum": sum(values)})
