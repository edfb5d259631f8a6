# The partition, and with the command `simulate` the plant to try it on. docs/containers.md says how to run it.

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY . .
RUN npm ci && npm run build
# Optional dependencies stay: koffi's binary is one.
RUN npm ci --omit=dev && rm -rf packages/*/src packages/*/tsconfig.build.json

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    CPC_CERTIFICATES=/var/lib/cpc/certificates \
    CPC_STATE=/var/lib/cpc/state
WORKDIR /opt/cpc-partition
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/packages packages
RUN chmod +x packages/partition/dist/cpc.js && ln -s /opt/cpc-partition/packages/partition/dist/cpc.js /usr/local/bin/cpc
# A new volume takes the owner of the folder that it covers.
RUN install -d -o node -g node -m 0700 /var/lib/cpc/certificates /var/lib/cpc/state /var/lib/cpc-plant /var/lib/cpc-plant/certificates
USER node
# Healthy is a partition that works; a server that is down does not count, for a restart would not bring it back.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["cpc", "status"]
ENTRYPOINT ["cpc"]
CMD ["run"]
