# A consumer in Python. From the same base as the partition because a semaphore is shared through the C library, and both
# sides need the same one: an image on musl (Alpine) would not find it.

FROM node:24-bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-pip \
 && pip install --break-system-packages --no-cache-dir posix_ipc==1.3.2 \
 && apt-get purge -y --auto-remove python3-pip \
 && rm -rf /var/lib/apt/lists/*
COPY examples/compose/consumer.py /opt/consumer/consumer.py
# Not the partition's user, but its group.
RUN useradd --uid 1001 --gid node --no-create-home consumer
USER consumer
# Otherwise process 1 has no handler for SIGTERM and is killed after a while.
STOPSIGNAL SIGINT
ENTRYPOINT ["python3", "/opt/consumer/consumer.py"]
