# An MQTT broker to try the bridge on.

FROM node:24-bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends mosquitto mosquitto-clients \
 && rm -rf /var/lib/apt/lists/*
USER mosquitto
ENTRYPOINT ["mosquitto", "-c", "/etc/cpc/mosquitto.conf"]
