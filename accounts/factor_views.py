"""Setting up the second factor, and looking at its recovery codes: allauth's pages, which here
lead back to the page that asked for it."""

from typing import Any

from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.recovery_codes.views import ViewRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView
from django.db import IntegrityError
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from accounts import second_factor, services
from accounts.forms import SetUpFactorForm


class SetUp(ActivateTOTPView):  # type: ignore[misc]  # it has no types
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        assert request.user.is_authenticated
        if second_factor.has_one(request.user):
            return HttpResponseRedirect(reverse("mfa_index"))
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        secret = context["form"].secret
        # In fours: easier to type from one device into another.
        context["secret"] = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
        context["asked_for"] = second_factor.COME_BACK in self.request.session
        return context

    def form_valid(self, form: Form) -> HttpResponse:
        try:
            response: HttpResponse = super().form_valid(form)
        except IntegrityError:  # a second press: the first one has set it up
            return HttpResponseRedirect(reverse("mfa_index"))
        assert isinstance(form, SetUpFactorForm)
        factor = services.start_factor(user=self.request.user, step=form.step)
        # Whoever set it up has it at hand: this session has shown it.
        post_authentication(self.request, factor, reauthenticated=True)
        return response

    def get_success_url(self) -> str:
        return reverse("mfa_view_recovery_codes")


class RecoveryCodes(ViewRecoveryCodesView):  # type: ignore[misc]  # the same
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["go_on"] = self.request.session.get(second_factor.COME_BACK, "")
        return context


set_up = SetUp.as_view()
recovery_codes = RecoveryCodes.as_view()
