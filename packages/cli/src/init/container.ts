// The image. Built in a clone of the repository: docker build -t corral -f Dockerfile <clone>

export const dockerfile = `# Corral as an image. Build it in a clone of the repository:
#   docker build -t corral -f deploy/Dockerfile .
FROM node:22-slim AS build
WORKDIR /build
# What is installed changes more rarely than the sources: these layers are built anew only then.
COPY package.json package-lock.json ./
COPY bench/package.json bench/
COPY packages/cli/package.json packages/cli/
COPY packages/client/package.json packages/client/
COPY packages/core/package.json packages/core/
COPY packages/protocol/package.json packages/protocol/
COPY packages/recipes/package.json packages/recipes/
COPY packages/server/package.json packages/server/
COPY packages/sim/package.json packages/sim/
COPY packages/testing/package.json packages/testing/
RUN npm ci --no-audit --no-fund --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --omit=peer --no-audit --no-fund

FROM node:22-slim
COPY --from=build /build/package.json /opt/corral/package.json
COPY --from=build /build/node_modules /opt/corral/node_modules
COPY --from=build /build/packages /opt/corral/packages
# Folders and variables of the official ZooKeeper image: a container of that image can be replaced as it is. Without
# /conf/zoo.cfg the variables count (ZOO_MY_ID, ZOO_SERVERS and so on). Old snapshots and logs are removed, which that
# image does not do unless told; ZOO_AUTOPURGE_PURGEINTERVAL=0 turns it off here too.
ENV NODE_ENV=production \\
    ZOO_CONF_DIR=/conf \\
    ZOO_DATA_DIR=/data \\
    ZOO_DATA_LOG_DIR=/datalog \\
    ZOO_LOG_DIR=/logs \\
    ZOO_TICK_TIME=2000 \\
    ZOO_INIT_LIMIT=5 \\
    ZOO_SYNC_LIMIT=2 \\
    ZOO_MAX_CLIENT_CNXNS=60 \\
    ZOO_STANDALONE_ENABLED=true \\
    ZOO_ADMINSERVER_ENABLED=true \\
    ZOO_ADMIN_SERVER_ADDRESS=0.0.0.0
RUN mkdir -p /conf /data /datalog /logs /etc/corral && chown node:node /conf /data /datalog /logs && \\
    ln -s /opt/corral/packages/cli/bin/corral.js /usr/local/bin/corral
USER node
WORKDIR /data
VOLUME ["/data", "/datalog", "/logs"]
EXPOSE 2181 2888 3888 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=30s CMD ["corral", "ruok"]
ENTRYPOINT ["node", "/opt/corral/packages/cli/bin/corral.js"]
CMD ["server"]
`;

/** Kept out of the build: what belongs to this machine. */
export const dockerignore = `.git
.interop
**/node_modules
**/dist
**/.tsbuildinfo
coverage
data
`;
