"""How an engine runs the services of a compose file of a page, for podman-compose does not pass `ipc` on: prints a line for each
service, in the order in which they start, with its name and the arguments behind `run`, quoted for a shell.

    compose_services.py PAGE PREFIX NETWORK KEY=VALUE...

Every name gets PREFIX. KEY=VALUE replaces an image or a folder of the machine. Refuses a setting that it does not know: none is left out.
"""

import re
import shlex
import sys

import yaml


def refuse(what):
    sys.exit(f"compose_services.py: {what}")


def translate(name, service, volumes, prefix, network, replaced):
    arguments = ["--name", prefix + name, "--network", network, "--network-alias", name]
    words = []

    def volume(text):
        source, target = text.split(":", 1)
        if source in replaced:
            source = replaced[source]
        elif source in volumes:
            source = prefix + source
        else:
            refuse(f"{name}: there is neither a volume nor a folder {source}")
        return ["--volume", f"{source}:{target}"]

    def ipc(text):
        owner = re.fullmatch(r"service:(\w+)", text)
        if owner is None and text != "shareable":
            refuse(f"{name}: ipc is {text}")
        return ["--ipc", f"container:{prefix}{owner[1]}" if owner else text]

    for key, value in service.items():
        if key == "image":
            image = replaced.get(value) or refuse(f"{name}: nothing replaces the image {value}")
        elif key == "entrypoint":
            arguments += ["--entrypoint", value[0]]
            words = value[1:]
        elif key == "init":
            arguments += ["--init"] if value is True else refuse(f"{name}: init is {value}")
        elif key == "ipc":
            arguments += ipc(value)
        elif key == "shm_size":
            arguments += ["--shm-size", value]
        elif key in ("restart", "user"):
            arguments += [f"--{key}", value]
        elif key == "environment":
            for variable in value.items():
                arguments += ["--env", "{}={}".format(*variable)]
        elif key == "volumes":
            for text in value:
                arguments += volume(text)
        elif key != "depends_on":
            refuse(f"{name} has a setting that is not known here: {key}")
    return [name, *arguments, image, *words]


def in_order(services):
    """Each behind those that it depends on, as compose starts them."""
    done = []
    while len(done) < len(services):
        ready = [name for name in services if name not in done and set(services[name].get("depends_on", [])) <= set(done)]
        done += ready or refuse("services wait for each other")
    return done


def main(page, prefix, network, *pairs):
    with open(page, encoding="utf-8") as file:
        found = [text for text in re.findall(r"^```yaml\n(.*?)^```", file.read(), re.M | re.S) if "services:" in text]
    if len(found) != 1:
        refuse(f"{page} has {len(found)} compose files")
    compose = yaml.safe_load(found[0])
    if unknown := compose.keys() - {"services", "volumes"}:
        refuse(f"settings that are not known here: {', '.join(unknown)}")
    volumes, replaced = compose["volumes"], dict(pair.split("=", 1) for pair in pairs)
    for name, settings in volumes.items():
        if settings is not None:
            refuse(f"the volume {name} has settings that are not known here")
    services = compose["services"]
    for name in in_order(services):
        print(shlex.join(translate(name, services[name], volumes, prefix, network, replaced)))


if __name__ == "__main__":
    main(*sys.argv[1:])
