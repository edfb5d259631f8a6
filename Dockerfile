# An image for each package: partition (the last one, which is built without --target), documents, monitor, bridge, simulator. docs/containers.md says how
# to run them, and how to build them for another processor.

ARG NODE_IMAGE=node:24-bookworm-slim

# On the processor of the machine that builds, whatever the images are for: what the packages contain is the same for all but koffi's binary.
FROM --platform=$BUILDPLATFORM $NODE_IMAGE AS build
ARG TARGETARCH
WORKDIR /build
COPY . .
RUN npm ci && npm run build && scripts/make-image-trees packages /trees $TARGETARCH

# On the processor that the images are for: it copies files of Node's image. Nothing else is emulated.
FROM --platform=$TARGETPLATFORM $NODE_IMAGE AS runtime
COPY scripts/make-image-trees /build/scripts/
RUN /build/scripts/make-image-trees base /trees

# The trees alone: the stages below need not carry what built them.
FROM scratch AS trees
COPY --from=build /trees /
COPY --from=runtime /trees /

# Node and the C library. The numbers of user and group are part of what consumers rely on.
FROM scratch AS base
COPY --from=trees /base /
ENV NODE_ENV=production \
    PATH=/usr/local/bin
WORKDIR /opt/cpc-partition
USER 1000:1000
ENTRYPOINT ["cpc"]

# Companions have users of their own and the partition's group: they can read images and cannot write them.
FROM base AS documents
COPY --from=trees /documents /
USER 1003:1000
CMD ["documents"]

FROM base AS monitor
COPY --from=trees /monitor /
USER 1001:1000
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s \
    CMD ["node", "-e", "fetch('http://127.0.0.1:9850/metrics').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["monitor"]

FROM base AS bridge
COPY --from=trees /bridge /
USER 1002:1000
CMD ["bridge", "/etc/cpc/bridge.yaml", "--state=/var/lib/cpc/state"]

FROM base AS simulator
COPY --from=trees /simulator /
CMD ["simulate"]

FROM base AS partition
COPY --from=trees /partition /
ENV CPC_CERTIFICATES=/var/lib/cpc/certificates \
    CPC_STATE=/var/lib/cpc/state
# Healthy is a partition that works; a server that is down does not count, for a restart would not bring it back.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["cpc", "status"]
CMD ["run"]
