# The tap alone, for a pipeline that has its target elsewhere; examples/kubernetes/Dockerfile adds one.
#
#   docker build -t tap-jira:0.1.0 .
#   docker run --rm -v "$PWD/state:/state" -e TAP_JIRA_BASE_URL -e TAP_JIRA_PERSONAL_ACCESS_TOKEN tap-jira:0.1.0 --discover
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml setup.py README.md LICENSE ./
COPY tap_jira tap_jira
RUN python -m venv /opt/tap && /opt/tap/bin/pip install --no-cache-dir --disable-pip-version-check .

FROM python:3.12-slim
RUN useradd --uid 10001 --no-create-home --home-dir /state tap && install -d -o tap -g tap -m 700 /state
COPY --from=build /opt/tap /opt/tap
# Tokens of OAuth 2.0 that change at each use must be there at the next run, too.
ENV PATH=/opt/tap/bin:$PATH XDG_STATE_HOME=/state
USER 10001
WORKDIR /state
VOLUME /state
ENTRYPOINT ["tap-jira"]
