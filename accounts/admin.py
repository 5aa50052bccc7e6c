from functools import partial
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts import audit, second_factor, services
from accounts.models import AuditEntry, Role, User
from accounts.plain_text import NameField

# An address is confirmed by its owner alone, and changed on the person's own page.
admin.site.unregister(EmailAddress)
# A person's role says what they may do; groups of permissions are not used.
admin.site.unregister(Group)
# A second factor is its owner's, who sets it up; an admin can only take it away, below.
admin.site.unregister(Authenticator)


class ChangeForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"
        field_classes = {"display_name": NameField}

    def clean(self) -> dict[str, Any]:
        """What would mean nothing now must not come to mean something with the next role."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("may_plan") and cleaned.get("role") != Role.FACILITATOR:
            words = "Only a facilitator plans their own groups: an admin plans all, a member none."
            self.add_error("may_plan", words)
        return cleaned


class CreationForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email",)
        field_classes = {"display_name": NameField}


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    form = ChangeForm
    add_form = CreationForm
    list_display = ("email", "display_name", "role", "time_zone", "is_active", "date_joined")
    list_filter = ("role", "may_plan", "is_active")
    search_fields = ("email", "display_name")
    ordering = ("email",)
    filter_horizontal = ()
    readonly_fields = ("second_factor", "date_joined", "last_login")
    actions = ("take_factor_away",)
    fieldsets = (
        (None, {"fields": ("email", "display_name", "time_zone", "password", "second_factor")}),
        ("What they may do", {"fields": ("role", "may_plan", "is_active")}),
        ("Dates", {"fields": ("date_joined", "last_login")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "description": "Without a password, the person signs in with codes by email.",
                "fields": (
                    "email",
                    "display_name",
                    "role",
                    "time_zone",
                    "usable_password",
                    "password1",
                    "password2",
                ),
            },
        ),
    )

    @admin.display(description="Second factor", boolean=True)
    def second_factor(self, person: User) -> bool:
        return second_factor.has_one(person)

    @admin.action(description="Lost phone: take the second factor away")
    def take_factor_away(
        self, request: HttpRequest, queryset: "QuerySet[User]"
    ) -> HttpResponse | None:
        asked = second_factor.missing(request, within=settings.MONEY_PROOF_SECONDS)
        if asked:
            return asked
        assert isinstance(request.user, User)
        adapter = get_adapter(request)
        for person in queryset:
            if services.take_factor_away(
                user=person,
                actor=request.user,
                now=timezone.now(),
                ip=adapter.get_client_ip(request),
            ):
                adapter.send_mail("mfa/email/factor_taken", person.email, {})
                self.message_user(request, f"{person} signs in without it now.")
            else:
                self.message_user(request, f"{person} has none.", messages.WARNING)
        return None

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Store the person; what this changes in their rights, and another address, is written
        down with it. Whoever had the earlier address is told there."""
        assert isinstance(request.user, User)
        before, earlier = (str(Role.MEMBER), False), ""
        if change:
            role, may_plan, earlier = User.objects.values_list("role", "may_plan", "email").get(
                pk=obj.pk
            )
            before = (role, may_plan)
        super().save_model(request, obj, form, change)
        adapter = get_adapter(request)
        by: dict[str, Any] = {
            "actor": request.user,
            "now": timezone.now(),
            "ip": adapter.get_client_ip(request),
        }
        audit.record_rights(of=obj, before=before, **by)
        if not change:
            services.add_address(user=obj)
        elif obj.email != earlier:
            for address in services.replace_address(user=obj, **by):
                tell = partial(adapter.send_mail, "accounts/email/address_replaced", address, {})
                transaction.on_commit(tell)


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):
    """To be read, and nothing else."""

    list_display = ("at", "actor", "action", "subject_kind", "subject_id", "ip")
    list_filter = ("action", ("actor", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("actor",)
    search_fields = ("subject_id",)
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
