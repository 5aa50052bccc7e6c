"""allauth in our words, with mails that may fail without losing anybody."""

from email.utils import make_msgid
from typing import Any
from urllib.parse import urlsplit

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.forms import Form
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.encryption import decrypt, encrypt
from accounts.inlining import inline_styles
from accounts.models import Role, User
from accounts.paths import path_here

logger = structlog.get_logger(__name__)

MAIL_FAILED = (
    "We could not send the email just now. "
    "If you are waiting for a code, ask for a new one in a minute."
)
TOO_MANY_MAILS = (
    "We have sent several emails to this address already, and none just now. "
    "Wait a quarter of an hour, then ask for a new code."
)
# Mails that anybody can have sent to any address, by typing it in.
ASKED_FOR = {
    "account/email/account_already_exists",
    "account/email/email_confirmation",
    "account/email/email_confirmation_signup",
    "account/email/login_code",
    "account/email/unknown_account",
}
# The page that follows says so itself, and knows better when the mail could not be sent.
UNSAID = {
    "account/messages/email_confirmation_sent.txt",
    "account/messages/login_code_sent.txt",
}


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": (
            "This address and password do not belong together. "
            "Check both, or sign in with a code that we send you."
        ),
        "incorrect_code": "This is not the code that we sent. Look at our newest email.",
        "too_many_login_attempts": "Too many tries. Wait five minutes, then start again.",
        "too_many_passwords": (
            "Too many tries with a password. Sign in with a code that we send you, "
            "or try again later."
        ),
        "too_many_codes": (
            "Several codes were asked for already. Use the one in our newest email, "
            "or wait a quarter of an hour, then ask for a new one."
        ),
        "too_many_sign_ups": (
            "Somebody signed up with this address several times just now. "
            "Look for our newest email, or wait a quarter of an hour, then try again."
        ),
        "rate_limited": "That was quick. Wait a minute, then try again.",
        "invalid_login": "This did not work. Start again from the beginning.",
    }

    def save_user(self, request: HttpRequest, user: User, form: Form, commit: bool = True) -> User:
        """Store a new person with the name and the zone they gave."""
        super().save_user(request, user, form, commit=False)
        user.display_name = form.cleaned_data.get("display_name", "")
        user.time_zone = form.cleaned_data.get("time_zone") or user.time_zone
        if commit:
            user.save()
        return user

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        user = request.user
        if user.is_authenticated and user.is_staff:
            return reverse("admin:index")
        if user.is_authenticated and user.handles_money:
            return reverse("billing:money")
        if user.is_authenticated and user.role == Role.PRACTITIONER:
            return reverse("practice:care")
        return str(super().get_login_redirect_url(request))

    def is_safe_url(self, url: str) -> bool:
        """Only absolute paths: a bare word would be looked up beside the current page."""
        return bool(url) and path_here(self.request, url, "") == url

    def get_reset_password_from_key_url(self, key: str) -> str:
        """On the configured address: the request's own Host header is the sender's word."""
        path = urlsplit(super().get_reset_password_from_key_url(key)).path
        return f"{settings.SITE_URL}{path}"

    def render_mail(
        self,
        template_prefix: str,
        email: str,
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMultiAlternatives:
        """One mail in text and HTML, in the shell that all our mails wear."""
        words = {
            "practice_name": settings.PRACTICE_NAME,
            "support_email": settings.SUPPORT_EMAIL,
            "site_url": settings.SITE_URL,
            **context,
        }
        subject = " ".join(render_to_string(f"{template_prefix}_subject.txt", words).split())
        words["subject"] = subject
        mail = EmailMultiAlternatives(
            subject=subject,
            body=render_to_string(f"{template_prefix}_message.txt", words).strip() + "\n",
            to=[email],
            reply_to=[settings.SUPPORT_EMAIL],
            headers={
                "Message-ID": make_msgid(domain=urlsplit(settings.SITE_URL).hostname),
                "Auto-Submitted": "auto-generated",
                **(headers or {}),
            },
        )
        html = render_to_string(f"{template_prefix}_message.html", words)
        mail.attach_alternative(inline_styles(html), "text/html")
        return mail

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        if message_template in UNSAID:
            words = kwargs.get("message_context") or args[0]
            self.code_was_asked_for(request, words["email"])
        else:
            super().add_message(request, level, message_template, *args, **kwargs)

    def code_was_asked_for(self, request: HttpRequest, email: str) -> None:
        """Count it, and say so when it was one too many.

        Counted here and not where mails are sent: an address without an account gets fewer
        of them, and the pages must not differ.
        """
        if not ratelimit.consume(request, action="mail_to_address", key=email.lower()):
            messages.error(request, TOO_MANY_MAILS)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Too many wrong passwords close that way for a while; the codes stay open."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as error:
            raise self.validation_error("too_many_passwords") from error

    def get_reauthentication_methods(self, user: User | AnonymousUser) -> list[dict[str, Any]]:
        by_code = {
            "id": "code",
            "description": "Get a code by email",
            "url": reverse("accounts:prove_by_code"),
        }
        ways = super().get_reauthentication_methods(user)
        # A code from the app proves who it is as well, but is nobody's first way to think of.
        by_app = [
            {**way, "description": "Use the app on your phone"}
            for way in ways
            if way["id"] == "mfa_reauthenticate"
        ]
        return [*(way for way in ways if way["id"] == "reauthenticate"), by_code, *by_app]

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send one mail now; if the mail server is away, say so on the next page instead.

        The pages that follow offer to send the code again, so nobody is locked out. What
        anybody can ask for is not sent to one address without end.
        """
        if template_prefix in ASKED_FOR and not ratelimit.consume(
            self.request, action="mail_to_address", key=email.lower(), dry_run=True
        ):
            return
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:  # smtplib's errors are OSErrors too
            logger.warning("account mail not sent", error=type(error).__name__)
            messages.error(self.request, MAIL_FAILED)


class FactorAdapter(DefaultMFAAdapter):
    """The second factor in our words, its secrets encrypted."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": (
            "This code does not work, or not any more: each one works once. "
            "Wait until the app shows the next one."
        ),
        "unverified_email": "Confirm your email address first, then set up the second step.",
    }

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return str(decrypt(encrypted_text))
