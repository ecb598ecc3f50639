// The image. Built in a clone of the repository: docker build -t corral -f Dockerfile <clone>

export const dockerfile = `# Corral as an image. Build it in a clone of the repository:
#   docker build -t corral -f deploy/Dockerfile .
FROM node:20-slim AS build
WORKDIR /build
COPY . .
RUN npm ci --no-audit --no-fund && npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:20-slim
ENV NODE_ENV=production
COPY --from=build /build/package.json /opt/corral/package.json
COPY --from=build /build/node_modules /opt/corral/node_modules
COPY --from=build /build/packages /opt/corral/packages
RUN mkdir -p /data /etc/corral && chown node:node /data && \\
    ln -s /opt/corral/packages/cli/bin/corral.js /usr/local/bin/corral
USER node
WORKDIR /data
VOLUME /data
# Without a configuration file the variables of the official ZooKeeper image count: ZOO_MY_ID, ZOO_SERVERS and so on.
ENV ZOO_DATA_DIR=/data
EXPOSE 2181 2888 3888 8080
STOPSIGNAL SIGTERM
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
