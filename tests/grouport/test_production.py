"""Production starts complete or not at all."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
COMPLETE = {
    "SECRET_KEY": "a8Yw3vJ0kQ1nF7rT5xC2mZ9bL4hG6dS-pE0uI3oK8jV1qW7tR5y",
    "ALLOWED_HOSTS": "groups.example.com",
    "DATABASE_URL": "postgresql://grouport:word@127.0.0.1:1/grouport",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "STRIPE_SECRET_KEY": "sk_test_123",
    "STRIPE_WEBHOOK_SECRET": "whsec_123",
    "INTAKE_KEYS": "c29tZS1vdGhlci1rZXktb2YtMzItYnl0ZXMtZXhhY3Q=",
    "SITE_URL": "https://groups.example.com",
    "EMAIL_URL": "smtp+tls://user:word@127.0.0.1:1",
}


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in production mode, with these variables and nothing else of ours."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def test_check_names_every_missing_variable() -> None:
    done = run("manage.py", "check", "--deploy")
    assert done.returncode != 0
    assert set(re.findall(r"environment variable (\w+) is not set", done.stderr)) == set(COMPLETE)


@pytest.mark.parametrize("missing", COMPLETE)
def test_check_names_the_one_missing_variable(missing: str) -> None:
    rest = {name: value for name, value in COMPLETE.items() if name != missing}
    done = run("manage.py", "check", **rest)
    assert done.returncode != 0
    assert re.findall(r"environment variable (\w+) is not set", done.stderr) == [missing]


def test_debug_pages_are_never_shown_in_production() -> None:
    script = "from django.conf import settings; print(settings.DEBUG)"
    done = run("-c", script, DJANGO_SETTINGS_MODULE="grouport.settings", DEBUG="1", **COMPLETE)
    assert done.stdout.strip() == "False", done.stderr


def test_nobody_moves_the_time_in_production(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("604800")
    script = (
        "import datetime, django; from django.apps import apps; django.setup();"
        "from django.utils import timezone; from django.conf import settings;"
        "ahead = timezone.now() - datetime.datetime.now(datetime.UTC);"
        "print(round(ahead / datetime.timedelta(days=1)), apps.is_installed('sandbox'),"
        "repr(settings.SANDBOX_CLOCK))"
    )
    clock = str(tmp_path / "clock")
    told = {"DJANGO_SETTINGS_MODULE": "grouport.settings", "SANDBOX_CLOCK": clock, **COMPLETE}
    done = run("-c", script, **told)
    assert done.stdout.split() == ["0", "False", "''"], done.stderr
    done = run("-c", script, **told, GROUPORT_MODE="development")
    assert done.stdout.split()[:2] == ["7", "True"], done.stderr


def test_the_web_process_refuses_to_start_incomplete() -> None:
    done = run("-c", "import grouport.wsgi", SECRET_KEY=COMPLETE["SECRET_KEY"])
    assert done.returncode != 0
    assert "STRIPE_SECRET_KEY" in done.stderr
    assert " SECRET_KEY" not in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("process", ["worker", "beat"])
def test_worker_and_clock_refuse_to_start_incomplete(process: str) -> None:
    done = run("-m", "celery", "--app", "grouport", process, ALLOWED_HOSTS="groups.example.com")
    assert done.returncode != 0
    assert "STRIPE_SECRET_KEY" in done.stdout + done.stderr


def test_check_deploy_is_clean_when_everything_is_set() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **COMPLETE)
    assert (done.returncode, done.stdout.strip()) == (
        0,
        "System check identified no issues (0 silenced).",
    ), done.stderr


def test_any_name_may_be_the_practices_and_a_broken_sender_is_named() -> None:
    fine = run("manage.py", "check", **COMPLETE, PRACTICE_NAME='Acme, "Inc." @ 5: Zoë')
    assert fine.returncode == 0, fine.stderr
    broken = run("manage.py", "check", **COMPLETE, DEFAULT_FROM_EMAIL="Acme, Inc. <a@example.com>")
    assert broken.returncode != 0
    assert "grouport.E002" in broken.stderr


def test_static_files_are_collected_under_hashed_names_without_any_secret(tmp_path: Path) -> None:
    done = run("manage.py", "collectstatic", "--noinput", STATIC_ROOT=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "post-processed" in done.stdout
    assert (tmp_path / "staticfiles.json").is_file()


def test_pages_in_production_are_sent_by_https_with_hashed_files(tmp_path: Path) -> None:
    variables = {
        **COMPLETE,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'database'}",
        "STATIC_ROOT": str(tmp_path / "static"),
        "DJANGO_SETTINGS_MODULE": "grouport.settings",
    }
    for command in (["collectstatic", "--noinput"], ["migrate"]):
        done = run("manage.py", *command, "--verbosity", "0", **variables)
        assert done.returncode == 0, done.stderr
    script = (
        "import django, re; django.setup(); from django.test import Client; "
        "client = Client(headers={'host': 'groups.example.com'}); "
        "print(client.get('/')['Location'], client.get('/healthz').status_code); "
        "page = client.get('/', secure=True); print(page.status_code); "
        "print(page['Strict-Transport-Security']); "
        r"print(*re.findall(r'css/(\w+)\.[0-9a-f]{12}\.css', page.content.decode()))"
    )
    done = run("-c", script, **variables)
    assert done.stdout.splitlines() == [
        "https://groups.example.com/ 200",
        "200",
        "max-age=31536000; includeSubDomains; preload",
        "tokens frame forms parts pages",
    ], done.stderr


def test_nothing_of_the_sandbox_is_loaded_in_production() -> None:
    script = (
        "import django, sys; django.setup(); import grouport.urls; "
        "print([name for name in sys.modules if name.split('.')[0] == 'sandbox'])"
    )
    done = run("-c", script, DJANGO_SETTINGS_MODULE="grouport.settings", **COMPLETE)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    "document", ["docker-compose.yml", "docs/operations.md", "grouport/settings.py"]
)
def test_every_required_variable_is_written_down(document: str) -> None:
    text = (ROOT / document).read_text()
    assert [name for name in COMPLETE if name not in text] == []


def test_every_variable_that_the_settings_read_is_explained() -> None:
    settings = (ROOT / "grouport" / "settings.py").read_text()
    read = set(re.findall(r"""(?:env\.\w+|required|invented)\(\s*"([A-Z_]+)""", settings))
    explained = set(re.findall(r"`([A-Z_]+)(?:=\w+)?`", (ROOT / "docs/operations.md").read_text()))
    assert read - explained == set()


def test_compose_hands_every_line_of_the_example_on_and_asks_for_what_must_be_there() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    lines = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    wanted = set(re.findall(r"\$\{(\w+):\?", compose))
    may_be_empty = set(re.findall(r"\$\{(\w+):-", compose))
    assert wanted - lines == set()
    assert lines - wanted - may_be_empty == set()
