# docker build -t loihiseg .
# docker run --rm -v "$PWD/runs:/work/runs" loihiseg deploy --chips 2
FROM python:3.12-slim AS made
COPY . /source
RUN PIP_NO_CACHE_DIR=1 sh /source/docker/install.sh /opt/loihiseg

FROM python:3.12-slim
COPY --from=made /opt/loihiseg /opt/loihiseg
RUN useradd --create-home --uid 1000 loihiseg && mkdir -p /work/runs && chown -R loihiseg /work
USER loihiseg
WORKDIR /work
# Compiled loops and networks are kept in the user's home, the environment itself is read only.
ENV PATH=/opt/loihiseg/bin:$PATH NUMBA_CACHE_DIR=/home/loihiseg/.cache/numba
RUN loihiseg doctor --no-test
ENTRYPOINT ["loihiseg"]
CMD ["--help"]
