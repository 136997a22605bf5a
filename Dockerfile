# modelsweep in one image: worker, exporter and command line. Build: docker build -t modelsweep .
#
# The base is pinned by tag; pin it by digest too where builds must be repeatable:
#   --build-arg PYTHON_IMAGE=python:3.12.12-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.12.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PYTHONDONTWRITEBYTECODE=1
# The compiler is for the pickle machine, and stays in this stage.
# Unpinned: Debian keeps only the latest build of a package, so a pinned one soon cannot be had.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/venv
WORKDIR /src
COPY requirements/run.txt requirements/run.txt
RUN /opt/venv/bin/pip install --require-hashes --requirement requirements/run.txt
COPY pyproject.toml setup.py README.md LICENSE ./
COPY modelsweep modelsweep
COPY sources sources
COPY scanners scanners
COPY reporting reporting
COPY producer producer
COPY worker worker
# What only builds (the lock holds it too) is not carried along, pip last: nothing is installed in a running container.
RUN /opt/venv/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/venv/bin/pip install --no-deps /wheel/*.whl \
    && /opt/venv/bin/pip uninstall --yes Cython wheel setuptools pip \
    && /opt/venv/bin/python -m compileall -q /opt/venv/lib

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="modelsweep" \
      org.opencontainers.image.description="Static security scanner for machine-learning model files" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# tini reaps the children that a killed supervisor leaves behind, and hands signals on.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 modelsweep \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin modelsweep \
    && install -d -o 10001 -g 10001 -m 0700 /store /reports /spool /run/modelsweep
COPY --from=build /opt/venv /opt/venv
# Works with a read-only root: only /store, /reports, /spool and /run/modelsweep are written.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MODELSWEEP_ALIVE=/run/modelsweep/alive \
    TMPDIR=/spool
WORKDIR /run/modelsweep
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "-P", "-m", "modelsweep.fleet.liveness", "90"]
ENTRYPOINT ["tini", "--", "modelsweep"]
CMD ["worker"]
