"""Shows every value of an image each time one was published: python3 example.py modbus_image"""

import sys

from cpc_image import ProcessImage


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "modbus_image"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else -1
    with ProcessImage(name) as image:
        while rounds != 0:
            if not image.wait(timeout=1.0):
                print("nothing new for a second, and the writer is", "alive" if image.has_writer() else "gone")
                continue
            for server in image.servers:
                snapshot = image.snapshot(server.alias)
                print(f"{server.alias}: {snapshot.connection}")
                for point, reading in snapshot.items():
                    print(f"  {point.key} = {reading.value!r} {point.unit}   status {reading.status:08X}, {reading.age:.1f} s old")
            rounds -= 1


if __name__ == "__main__":
    main()
