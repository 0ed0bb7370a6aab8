# The service outside AWS: docs/outside-aws.md. Needs no network but the npm registry, and no compiler: Node runs the
# TypeScript as it stands.
#
#   docker build --tag imgmigrator .
#   docker run --env-file .env --publish 3000:3000 imgmigrator
#   docker run --env-file .env imgmigrator imgmigrator keys create --no-local --user you

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
# The manifests alone, so that a change of sources installs nothing anew.
COPY package.json package-lock.json ./
COPY packages/cli/package.json packages/cli/
# npm puts a command into node_modules/.bin only where its file is there.
COPY packages/cli/bin packages/cli/bin
COPY packages/core/package.json packages/core/
COPY packages/functions/package.json packages/functions/
COPY packages/local/package.json packages/local/
COPY packages/qstash-local/package.json packages/qstash-local/
COPY packages/s3-local/package.json packages/s3-local/
COPY packages/stores/package.json packages/stores/
# What is optional is for development: the embedded DynamoDB, SST's own binaries.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
ENV NODE_ENV=production PORT=3000 PATH=/app/node_modules/.bin:$PATH
WORKDIR /app
COPY --from=dependencies /app ./
COPY packages ./packages
# A user without rights, who owns none of these files; the service writes none.
USER node
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/ready`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# No shell between: SIGTERM reaches the service, which books what is in flight. Give it 30 seconds (docker stop --time 30).
STOPSIGNAL SIGTERM
CMD ["imgmigrator", "serve", "--no-local"]
