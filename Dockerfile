# The executable is built where its tools are, and shipped without them.
FROM oven/bun:1.4.4 AS build
WORKDIR /build
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile
COPY tsconfig.json ./
COPY src src
COPY db db
COPY models models
RUN bun src/build.ts && mkdir -p /empty/data

# glibc 2.28 or newer, libstdc++ and libgcc: what Bun, onnxruntime and DuckDB need, and no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/dist/callgate /usr/local/bin/callgate
# the cases of letters, for models of texts
COPY --from=build /usr/lib/locale/C.utf8 /usr/lib/locale/C.utf8
COPY --from=build --chown=nonroot:nonroot --chmod=0700 /empty/data /data
ENV CALLGATE_DATA_DIR=/data \
    CALLGATE_HOST=0.0.0.0 \
    CALLGATE_PORT=8080
USER nonroot
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s --retries=3 CMD ["/usr/local/bin/callgate", "health"]
ENTRYPOINT ["/usr/local/bin/callgate"]
CMD ["serve"]
