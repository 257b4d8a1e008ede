# One image a service: LOCK names the lock file of its dependencies in requirements/ (all, data, knowledge, planner …).
ARG PYTHON=3.12
FROM python:${PYTHON}-slim
ARG LOCK=all
WORKDIR /lexiquery
COPY requirements/${LOCK}.txt requirements.txt
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
COPY . .
RUN useradd --create-home lexiquery \
    && mkdir -p /data /groups && chown lexiquery /data /groups
USER lexiquery
ENV LEXIQUERY_DATA_DIR=/data LEXIQUERY_HOST=0.0.0.0
ENTRYPOINT ["python", "-m", "core_engine.cli"]
CMD ["up"]
