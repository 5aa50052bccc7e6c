# One image for web, worker, clock and migrations; what runs is said by the command.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/venv
COPY requirements/run.txt /tmp/run.txt
RUN /opt/venv/bin/pip install --require-hashes -r /tmp/run.txt
WORKDIR /srv/grouport
COPY . .
# Needs none of the secrets: nothing is signed here.
RUN STATIC_ROOT=/srv/static /opt/venv/bin/python manage.py collectstatic --noinput

FROM python:3.13-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STATIC_ROOT=/srv/static
RUN useradd --system --uid 10001 --create-home --home-dir /home/grouport grouport
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv /srv
WORKDIR /srv/grouport
USER grouport
EXPOSE 8000
# A worker takes few connections beyond those it works on: the first one to wake would else take
# most of a rush, and the people in its queue would wait beside workers that have nothing to do.
CMD ["gunicorn", "grouport.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--workers", "2", "--threads", "8", "--worker-connections", "12", \
     "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
