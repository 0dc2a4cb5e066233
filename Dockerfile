# The gateway, alone: Kafka and PostgreSQL are services of their own (docker-compose.yml), the vendors' systems are outside.

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY constraints.txt ./
# The pins change less often than the code, so this layer and the environment are reused. /opt/lockstep is where the
# next stage has it too: a virtual environment does not move.
RUN python -m venv /opt/lockstep \
    && pip install -c constraints.txt hatchling
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY connectors connectors
COPY mappings mappings
COPY dead_letter dead_letter
COPY replay replay
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/lockstep/bin/pip install -c constraints.txt /wheel/*.whl

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 lockstep \
    && useradd --system --uid 10001 --gid lockstep --home-dir /data --no-create-home lockstep \
    && install --directory --owner=lockstep --group=lockstep /data
COPY --from=build /opt/lockstep /opt/lockstep
ENV PATH=/opt/lockstep/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LOCKSTEP_CONFIG=/etc/lockstep/lockstep.yaml
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
# Ready means that stream and store answer; a gateway that waits for them is alive and not ready.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
# SIGTERM lets the gateway finish the attempts in flight.
STOPSIGNAL SIGTERM
ENTRYPOINT ["lockstep"]
CMD ["run"]
