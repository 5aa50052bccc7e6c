"""Signing up, signing in, and the profile."""

from typing import Any, cast

from allauth.account import forms as allauth_forms
from allauth.core import context
from django import forms
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from accounts import clock
from accounts.middleware import reader_zone
from accounts.models import User


class PlainLabels(forms.Form):
    """allauth repeats each label as a placeholder, which vanishes as one types."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class LoginForm(PlainLabels, allauth_forms.LoginForm):
    pass


class RequestLoginCodeForm(PlainLabels, allauth_forms.RequestLoginCodeForm):
    pass


class ConfirmLoginCodeForm(PlainLabels, allauth_forms.ConfirmLoginCodeForm):
    pass


class ConfirmEmailForm(PlainLabels, allauth_forms.ConfirmEmailVerificationCodeForm):
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


class SignupForm(PlainLabels, allauth_forms.SignupForm):
    """An address, a password, what to be called, and the zone of the reader's clock."""

    display_name = forms.CharField(
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
        outcome: tuple[User | None, HttpResponse | None] = super().try_save(request)
        return outcome


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("display_name", "time_zone")
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
