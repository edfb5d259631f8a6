"""How long a snapshot takes in Python, and json.loads of the same points: snapshot.py IMAGE BATCHES DOCUMENT."""

import json
import sys
from statistics import median
from time import perf_counter_ns

from cpc_image import ProcessImage

CALLS = 10


def microseconds(run):
    start = perf_counter_ns()
    for _ in range(CALLS):
        run()
    return (perf_counter_ns() - start) / 1e3 / CALLS


with ProcessImage(sys.argv[1]) as image, open(sys.argv[3], "rb") as file:
    document = file.read()
    runs = {
        "copyUs": lambda: image.snapshot(0),
        "valuesUs": lambda: image.snapshot(0).values(),
        "documentUs": lambda: json.loads(document.rstrip(b"\0")),
    }
    samples = {name: [] for name in runs}
    for _ in range(int(sys.argv[2])):
        for name, run in runs.items():
            samples[name].append(microseconds(run))
    print(json.dumps({name: median(values) for name, values in samples.items()}))
