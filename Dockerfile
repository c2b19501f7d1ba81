# The operator's image: no third-party image but the base, no package without a hash, no compiler or installer left inside.
# docs/image.md says how to build it and what is in it.
ARG BASE_IMAGE=python:3.13-slim

# --- build: the virtual environment ----------------------------------------------------------------------------------
FROM ${BASE_IMAGE} AS build
# Wheels only, since a source distribution runs code. Compiled files count without a look at times, which a
# reproducible image sets back.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_BUILD=1 \
    UV_NO_CACHE=1 \
    UV_PROJECT_ENVIRONMENT=/opt/brandrelease \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /source

# The secret `ca` is for builds behind a proxy that reads along: certificates to trust, in PEM.
COPY deploy/image/tools.txt deploy/image/
RUN --mount=type=secret,id=ca \
    if [ -f /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && python3 -m venv /tools \
    && /tools/bin/pip install --quiet --no-cache-dir --no-deps --only-binary=:all: --require-hashes -r deploy/image/tools.txt

COPY pyproject.toml uv.lock ./
RUN --mount=type=secret,id=ca \
    if [ -f /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
    && /tools/bin/uv sync --frozen --no-default-groups --no-install-project --no-editable --python "$(command -v python3)"

COPY README.md LICENSE ./
COPY operator operator
# There is no git here that could tell.
ARG VERSION=0.0.0+unknown
RUN SETUPTOOLS_SCM_PRETEND_VERSION="${VERSION}" /tools/bin/python -m hatchling build -t wheel -d /wheel \
    && touch -d @0 /wheel/*.whl \
    && /tools/bin/uv pip install --no-index --no-deps --python /opt/brandrelease/bin/python /wheel/*.whl

# --- run: what the operator needs beside Python -----------------------------------------------------------------------
FROM ${BASE_IMAGE} AS run
# Debian's git brings perl along, for commands that the operator never calls: 50 MB, and most of what scanners find.
# ssh refuses to work for a user without a name. What git has started and left behind is collected by tini.
RUN export DEBIAN_FRONTEND=noninteractive \
    && apt-get -qq update \
    && apt-get -qq upgrade --yes > /dev/null \
    && apt-get -qq install --yes --no-install-recommends ca-certificates git openssh-client tini tzdata > /dev/null \
    && dpkg --purge --force-depends $(dpkg-query --show --showformat '${Package}\n' \
        git-man liberror-perl 'libperl5*' perl 'perl-modules-*' 2> /dev/null) > /dev/null \
    && useradd --uid 65532 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin brandrelease \
    && install -d -o 65532 -g 65532 -m 700 /var/cache/brandrelease \
    && rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* \
        /usr/local/lib/python3*/ensurepip /usr/lib/python3*/ensurepip /usr/share/python-wheels \
        /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid- \
        /var/cache/apt/* /var/cache/ldconfig/* /var/cache/debconf/*-old /var/lib/apt/lists/* /var/lib/dpkg/*-old \
        /var/log/apt /var/log/*.log /tmp/*

COPY --from=build /opt/brandrelease /opt/brandrelease

ARG VERSION=0.0.0+unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="brandrelease" \
      org.opencontainers.image.description="A Kubernetes operator that builds, deploys, watches and, when a release is bad, rolls back the sites of many brands." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"

ENV PATH=/opt/brandrelease/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/tini", "--", "/opt/brandrelease/bin/python", "-P", "-m", "brandrelease"]
CMD ["run"]
