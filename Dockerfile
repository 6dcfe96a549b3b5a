# One image for the four services and the migration; SERVICE picks the service.
FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN node bin/build.mjs

FROM node:22-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# The embedded Postgres is an optional package: containers have a database beside them.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund

FROM node:22-slim
# Looking up names of receivers that never answer must not stop other look-ups: hence the threads.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 SERVICE=gateway UV_THREADPOOL_SIZE=64
WORKDIR /app
COPY package.json ./
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER node
EXPOSE 3000
CMD ["sh", "-c", "exec node dist/apps/$SERVICE/src/main.js"]
