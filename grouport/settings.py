"""All settings, read from the environment.

`GROUPORT_MODE=development` fills every gap with something that works on one machine.
Anything else is production, where a gap is not filled: its name is collected in
`MISSING_SETTINGS`, `manage.py check` reports it, and the web and worker processes
refuse to start (see `grouport/checks.py`).
"""

import logging
from email.utils import formataddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
import structlog
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.management.utils import get_random_secret_key

from grouport.logs import hide_secret_paths

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
DEVELOPMENT = env.str("GROUPORT_MODE", default="production") == "development"
MISSING_SETTINGS: list[str] = []


def required(name: str, development: str) -> str:
    """The variable, its development value, or (in production) a note that it is missing."""
    value: str = env.str(name, default="")
    if value:
        return value
    if not DEVELOPMENT:
        MISSING_SETTINGS.append(name)
    return development


def invented(name: str, development: str) -> str:
    """The variable; without it nothing, in development something that is plainly made up."""
    return str(env.str(name, default=development if DEVELOPMENT else ""))


# --- What production must be told -------------------------------------------------------

SECRET_KEY = required("SECRET_KEY", "django-insecure-development-only")
ALLOWED_HOSTS = [host for host in required("ALLOWED_HOSTS", "*").split(",") if host]
DATABASE_URL = required("DATABASE_URL", f"sqlite:///{BASE_DIR / 'var' / 'grouport.sqlite3'}")
REDIS_URL = required("REDIS_URL", "redis://127.0.0.1:6379/0")
STRIPE_SECRET_KEY = required("STRIPE_SECRET_KEY", "sk_test_standin")
STRIPE_WEBHOOK_SECRET = required("STRIPE_WEBHOOK_SECRET", "whsec_standin")
# Fernet keys, newest first; older ones stay until every row is written again.
INTAKE_KEYS = required("INTAKE_KEYS", "ZGV2ZWxvcG1lbnQtb25seS1ncm91cG9ydC1pbnRha2U=").split(",")
# The public address, without a path: mails and Stripe send people back here.
SITE_URL = required("SITE_URL", "http://127.0.0.1:8000").rstrip("/")
EMAIL_URL = required("EMAIL_URL", "smtp://127.0.0.1:1025")

if MISSING_SETTINGS:
    # Checks and collectstatic still run, to say what is missing; nothing is ever signed with it.
    SECRET_KEY = get_random_secret_key() if "SECRET_KEY" in MISSING_SETTINGS else SECRET_KEY
    INTAKE_KEYS = [] if "INTAKE_KEYS" in MISSING_SETTINGS else INTAKE_KEYS
    ALLOWED_HOSTS = [] if "ALLOWED_HOSTS" in MISSING_SETTINGS else ALLOWED_HOSTS

# --- What has a sensible value everywhere -----------------------------------------------

# Django's own error pages, for whoever develops; never in production.
DEBUG = DEVELOPMENT and env.bool("DEBUG", default=True)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
PRACTICE_NAME = env.str("PRACTICE_NAME", default="Grouport")
SUPPORT_EMAIL = env.str("SUPPORT_EMAIL", default="help@grouport.example")
# What receipts, superbills and estimates say of who issues them; nothing where it is not known.
PROVIDER_NAME = env.str("PROVIDER_NAME", default="") or PRACTICE_NAME
PROVIDER_ADDRESS = invented("PROVIDER_ADDRESS", "100 Example Street, Suite 4, Albany, NY 12207")
PROVIDER_PHONE = invented("PROVIDER_PHONE", "518 555 0142")
PROVIDER_EIN = invented("PROVIDER_EIN", "00-0000000")
PROVIDER_NPI = invented("PROVIDER_NPI", "0000000000")
PROVIDER_LICENSE = invented("PROVIDER_LICENSE", "NY 000000 (invented)")
SUPERBILL_CODE = env.str("SUPERBILL_CODE", default="90853")
# Jitsi rooms are made under this address unless a cohort has a link of its own.
MEETING_BASE_URL = env.str("MEETING_BASE_URL", default="https://meet.jit.si").rstrip("/")
# Only the stand-in needs another address than Stripe's own.
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="")
STRIPE_CHECKOUT_ORIGIN = env.str("STRIPE_CHECKOUT_ORIGIN", default="https://checkout.stripe.com")
# A refund above so many cents needs a second person: 0 always does, empty never.
_second = env.str("REFUND_SECOND_PERSON_CENTS", default="30000")
REFUND_SECOND_PERSON_CENTS = int(_second) if _second else None
STRIPE_LIVE_MODE = STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))

INSTALLED_APPS = [
    "accounts.admin_app.StaffPagesConfig",  # behind the second factor
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "bootstrap",
    "django_htmx",
    "django_structlog",
    "heroicons",
    "csp",
    "accounts",
    "outbox",
    "sessions",
    "enrollment",
    "billing",
    "practice",
    "grouport",
]
if DEVELOPMENT:
    INSTALLED_APPS.append("sandbox")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "accounts.shared_pages.SharedPagesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.LostPressMiddleware",
    "accounts.middleware.TimeZoneMiddleware",
    "accounts.middleware.IdleLogoutMiddleware",
    "accounts.middleware.UnreadableMiddleware",
]

ROOT_URLCONF = "grouport.urls"
WSGI_APPLICATION = "grouport.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context_processors.site",
            ],
        },
    },
]

# --- Database ---------------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {"default": env.db_url_config(DATABASE_URL)}
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE takes the write lock at BEGIN: a deferred one fails with "database is
    # locked" when two readers both go on to write.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    Path(DATABASES["default"]["NAME"]).parent.mkdir(parents=True, exist_ok=True)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "accounts.cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
    },
    # In each process's own memory: `accounts.shared_pages` keeps them for a second.
    "pages": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "pages"},
}

# --- People -----------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "signup": "accounts.forms.SignupForm",
    "login": "accounts.forms.LoginForm",
    "request_login_code": "accounts.forms.RequestLoginCodeForm",
    "confirm_login_code": "accounts.forms.ConfirmLoginCodeForm",
    "confirm_email_verification_code": "accounts.forms.ConfirmEmailForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "add_email": "accounts.forms.AddEmailForm",
    "reauthenticate": "accounts.forms.ReauthenticateForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 60 * 15
# What one address ("key") or one place ("ip") may ask for. Codes and passwords are counted
# apart: whoever tries passwords closes that way for an address, and the codes stay open.
ACCOUNT_RATE_LIMITS = {
    "request_login_code": "20/m/ip,3/m/key,5/15m/key,20/d/key",
    "confirm_email": "1/10s/key,5/15m/key,20/d/key",
    "reset_password": "20/m/ip,5/15m/key,20/d/key",
    "login_failed": "10/m/ip,5/5m/key,30/d/key",
    # Ours: mails in all, sign-ups with one address, and tries at one code.
    "mail_to_address": "5/15m/key,20/d/key",
    "signup_address": "5/15m/key,20/d/key",
    "guess_code": "3/15m/key",
    # Promotion codes that one person types: a mistake is easy, a search is not.
    "promotion_code": "10/15m/key,40/d/key",
    # Consents that one member signs: each may send a mail to an address that they typed.
    "sign_consent": "5/15m/key,15/d/key",
}
# So long after a password or a code an open session may change how one signs in.
PROOF_SECONDS = 60 * 15
# So long after a code of the second factor an open session may move money.
MONEY_PROOF_SECONDS = 60 * 15
# The second factor: a code from an app, or one of the recovery codes (accounts/second_factor.py).
MFA_ADAPTER = "accounts.adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = PRACTICE_NAME
# A phone's clock may be half a minute off. Each code works once all the same.
MFA_TOTP_TOLERANCE = 1
# What asks for a fresh proof is `second_factor.needs_factor_proof`, which knows codes by mail too.
MFA_REAUTHENTICATION_REQUIRED = False
MFA_FORMS = {
    "authenticate": "accounts.forms.FactorForm",
    "reauthenticate": "accounts.forms.FactorAgainForm",
    "activate_totp": "accounts.forms.SetUpFactorForm",
}
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_SESSION_REMEMBER = True
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "enrollment:my_groups"
ACCOUNT_LOGOUT_REDIRECT_URL = "enrollment:home"

# --- Mail -------------------------------------------------------------------------------

vars().update(env.email_url_config(EMAIL_URL))
# Where the development mail server keeps what it was sent, and the mailbox page looks.
MAILBOX_DIR = Path(env.str("MAILBOX_DIR", default=str(BASE_DIR / "var" / "mail")))
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = env.str(
    "DEFAULT_FROM_EMAIL",
    default=formataddr((PRACTICE_NAME, f"hello@{urlsplit(SITE_URL).hostname}")),
)
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- Time ---------------------------------------------------------------------------------

# A file that says how far `make run` has moved its clock ahead; see `sandbox/clock.py`.
SANDBOX_CLOCK = env.str("SANDBOX_CLOCK", default="") if DEVELOPMENT else ""

# --- Background work: the database holds the truth, Celery carries kicks ----------------

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
# A task is acknowledged when it starts. Late, it would come back from Redis after an hour when its
# worker died, which the sweeps beat by far; and a worker that holds unacknowledged tasks while
# Redis restarts ends with an AttributeError (kombu 5.7).
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A kick that cannot be delivered is dropped soon: a sweeper does the work a minute later.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1, "interval_max": 0.2}
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 2, "socket_timeout": 10}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "grouport.clock:Clock"
CLOCK_HEARTBEAT = env.str("CLOCK_HEARTBEAT", default="")
CELERY_BEAT_SCHEDULE = {
    "promise-due-links": {"task": "enrollment.tasks.promise_due_links", "schedule": 60.0},
    "promise-due-messages": {"task": "enrollment.tasks.promise_due_messages", "schedule": 60.0},
    "tend-waitlists": {"task": "enrollment.tasks.tend_waitlists", "schedule": 60.0},
    "deliver-mail": {"task": "outbox.tasks.sweep", "schedule": 60.0},
    "release-overdue-holds": {"task": "billing.tasks.release_overdue_holds", "schedule": 60.0},
    "apply-stored-events": {"task": "billing.tasks.apply_stored_events", "schedule": 60.0},
    "charge-due-instalments": {
        "task": "billing.tasks.charge_due_instalments",
        "schedule": 60.0,
    },
    "submit-refunds": {"task": "billing.tasks.submit_open_refunds", "schedule": 60.0},
    "carry-on-runs": {"task": "billing.tasks.carry_on_runs", "schedule": 60.0},
    "issue-estimates": {"task": "billing.tasks.issue_estimates", "schedule": 60.0},
    "reconcile-with-stripe": {
        "task": "billing.tasks.reconcile",
        "schedule": crontab(minute="*/10"),
    },
    "compare-books-nightly": {
        "task": "billing.tasks.compare_books_nightly",
        "schedule": crontab(hour="8", minute="20"),
    },
    "go-on-comparing-books": {"task": "billing.tasks.go_on_comparing_books", "schedule": 60.0},
    "delete-expired-sessions": {
        "task": "accounts.tasks.delete_expired_sessions",
        "schedule": crontab(hour="9", minute="40"),
    },
}

# --- Pages ------------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# No form of this site takes a file, and none is long: what comes else is answered with 400
# before anything of it is kept. A proxy must not buffer more either (docs/operations.md).
DATA_UPLOAD_MAX_NUMBER_FILES = 0
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 512  # bytes

WHITENOISE_USE_FINDERS = DEVELOPMENT
WHITENOISE_AUTOREFRESH = DEVELOPMENT

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF, STRIPE_CHECKOUT_ORIGIN],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# --- Transport security -----------------------------------------------------------------

HTTPS = SITE_URL.startswith("https://") or not DEVELOPMENT
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_ENGINE = "accounts.session_store"
# Idle time, in seconds, after which one has to sign in again: a member's, then staff's.
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
STAFF_IDLE_SECONDS = 60 * 30
CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = HTTPS and not DEVELOPMENT
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 0 if DEVELOPMENT else 60 * 60 * 24 * 365
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEVELOPMENT
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = [SITE_URL] if HTTPS else []
# How many proxies in front set X-Forwarded-*; 0 means that nobody may.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0 if DEVELOPMENT else 1)
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES

# --- Logs: one JSON line per event, nothing personal in it ------------------------------

DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
# One line when a request has ended; what it logs meanwhile carries its id anyway.
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "structlog.stdlib.ProcessorFormatter",
            # Plain: richer ones print the values of variables, which may be what somebody wrote.
            "processor": structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            )
            if DEVELOPMENT
            else structlog.processors.JSONRenderer(),
            "foreign_pre_chain": [
                hide_secret_paths,
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso"),
            ],
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
    "loggers": {"grouport": {"level": "INFO"}},
}
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        hide_secret_paths,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
