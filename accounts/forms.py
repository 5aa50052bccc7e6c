"""Signing up, signing in, and the profile."""

from typing import Any, cast

from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.manage_email import sync_user_email_address
from allauth.core import context, ratelimit
from allauth.mfa.adapter import get_adapter as get_factor_adapter
from allauth.mfa.base import forms as factor_forms
from allauth.mfa.base.internal.flows import check_rate_limit
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp_forms
from django import forms
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from accounts import clock, one_time_codes
from accounts.middleware import reader_zone
from accounts.models import User
from accounts.plain_text import NameField


class PlainLabels(forms.Form):
    """allauth repeats each label as a placeholder, which vanishes as one types."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class LoginForm(PlainLabels, allauth_forms.LoginForm):
    pass


class RequestLoginCodeForm(PlainLabels, allauth_forms.RequestLoginCodeForm):
    def clean_email(self) -> str:
        try:
            email: str = super().clean_email()
        except forms.ValidationError as error:
            if error.code == "too_many_login_attempts":
                raise get_adapter().validation_error("too_many_codes") from error
            raise
        if self._user:
            # Somebody made on the command line has no address on record, which this code
            # is to confirm: without it allauth would ask for a second code.
            sync_user_email_address(self._user)
        return email


class CountedGuess(forms.Form):
    """Tries at one code are counted where parallel requests cannot miss each other.

    allauth counts them in the session, which requests that come at once read alike.
    """

    expected_code: str

    def clean_code(self) -> str:
        key = f"{context.request.session.session_key}:{self.expected_code}"
        if not ratelimit.consume(context.request, action="guess_code", key=key):
            raise get_adapter().validation_error("incorrect_code")
        code: str = super().clean_code()  # type: ignore[misc]  # of the form beside this one
        return code


class ConfirmLoginCodeForm(CountedGuess, PlainLabels, allauth_forms.ConfirmLoginCodeForm):
    pass


class ProveByCodeForm(ConfirmLoginCodeForm):
    pass


class ConfirmEmailForm(CountedGuess, PlainLabels, allauth_forms.ConfirmEmailVerificationCodeForm):
    pass


class ResetPasswordForm(PlainLabels, allauth_forms.ResetPasswordForm):
    pass


class ResetPasswordKeyForm(PlainLabels, allauth_forms.ResetPasswordKeyForm):
    pass


class ChangePasswordForm(PlainLabels, allauth_forms.ChangePasswordForm):
    pass


class SetPasswordForm(PlainLabels, allauth_forms.SetPasswordForm):
    pass


class AddEmailForm(PlainLabels, allauth_forms.AddEmailForm):
    pass


class ReauthenticateForm(PlainLabels, allauth_forms.ReauthenticateForm):
    pass


class CountedCode(PlainLabels, factor_forms.BaseAuthenticateForm):
    """A code of the second factor: from the app, or one of the recovery codes."""

    user: User

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs["inputmode"] = "numeric"

    def clean_code(self) -> str:
        """Tries are counted per person, wherever they come from."""
        forget_tries = check_rate_limit(self.user)
        code: str = self.cleaned_data["code"]
        for factor in Authenticator.objects.filter(user=self.user):
            if one_time_codes.use(factor=factor, code=code):
                factor.user = self.user
                self.authenticator = factor
                forget_tries()
                return code
        raise get_factor_adapter().validation_error("incorrect_code")


class FactorForm(CountedCode, factor_forms.AuthenticateForm):
    pass


class FactorAgainForm(CountedCode, factor_forms.ReauthenticateForm):
    pass


class SetUpFactorForm(PlainLabels, totp_forms.ActivateTOTPForm):
    step: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = "Code"
        self.fields["code"].widget.attrs["inputmode"] = "numeric"

    def clean_code(self) -> str:
        code: str = super().clean_code()
        step = one_time_codes.step_of(secret=self.secret, code=code)
        if step is None:  # it ended in between
            raise get_factor_adapter().validation_error("incorrect_code")
        self.step = step
        return code


class SignupForm(PlainLabels, allauth_forms.SignupForm):
    """An address, a password, what to be called, and the zone of the reader's clock."""

    display_name = NameField(
        max_length=80,
        label="What should we call you?",
        help_text="Your group and your facilitator see this name. A first name is enough.",
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )
    time_zone = forms.ChoiceField(
        label="Your time zone", help_text="We show every time in this zone."
    )
    field_order = ("display_name", "email", "password1", "time_zone")
    account_already_exists: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone, _ = reader_zone(context.request)
        field = cast(forms.ChoiceField, self.fields["time_zone"])
        field.choices = clock.zone_choices(zone)
        field.initial = zone
        self.fields[
            "email"
        ].help_text = "We send your links here. Use an address that only you read."

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        # Only a form without mistakes leads to a mail, so only that one counts.
        if not self.errors and not ratelimit.consume(
            context.request, action="signup_address", key=cleaned["email"]
        ):
            raise get_adapter().validation_error("too_many_sign_ups")
        return cleaned

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """Store the person, unless the same address signed up a moment ago.

        Both cases look the same from outside: the owner of the address learns it by email.
        """
        if not self.account_already_exists:
            try:
                with transaction.atomic():
                    return self.save(request), None
            except IntegrityError:
                self.account_already_exists = True
        else:
            # As long as a new person's takes: the answer's time must not tell them apart.
            make_password(self.cleaned_data["password1"])
        outcome: tuple[User | None, HttpResponse | None] = super().try_save(request)
        return outcome


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("display_name", "time_zone")
        field_classes = {"display_name": NameField}
        labels = {"display_name": "What should we call you?"}
        help_texts = {"display_name": "Your group and your facilitator see this name."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["display_name"].required = True
        elsewhere = sorted(clock.known_zones() - clock.US_ZONES.keys())
        self.fields["time_zone"] = forms.ChoiceField(
            label="Your time zone",
            help_text="We show every time in this zone.",
            choices=[
                ("United States", list(clock.US_ZONES.items())),
                ("Elsewhere", [(key, key.replace("_", " ")) for key in elsewhere]),
            ],
        )
