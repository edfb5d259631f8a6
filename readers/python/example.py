"""Shows every value of an image each time one was published, and whether it is usable: python3 example.py modbus_image"""

import sys

from cpc_image import ImageError, ProcessImage

INTERVALS = 3
"""The age that this program can live with, in poll intervals of the group."""


def show(image: ProcessImage) -> None:
    for server in image.servers:
        print(f"{server.alias}: {'connected' if image.server_state(server.alias).connection == 'connected' else 'not connected'}")
        for group in server.groups:
            snapshot = image.snapshot(group.index)
            for point, reading in snapshot.items():
                answer = snapshot.usability(point, max_age=INTERVALS * group.interval_ms / 1000)
                quality = f"usable, {reading.age:.1f} s old" if answer else f"NOT USABLE: {answer.why}"
                value = reading.date_time or repr(reading.shown)
                print(f"  {point.key} = {value} {point.unit}   {quality}")


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "modbus_image"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else -1
    with ProcessImage(name) as image:
        while rounds != 0:
            if not image.wait(timeout=1.0):
                print("nothing new for a second, and the writer is", "alive" if image.has_writer() else "dead")
                continue
            try:
                show(image)
            except ImageError as error:  # It was replaced or removed meanwhile.
                print(error)
            rounds -= 1


if __name__ == "__main__":
    main()
