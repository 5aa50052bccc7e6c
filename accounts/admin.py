from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit, services
from accounts.models import AuditEntry, Role, User
from accounts.plain_text import NameField

# An address is confirmed by its owner alone, and changed on the person's own page.
admin.site.unregister(EmailAddress)
# A person's role says what they may do; groups of permissions are not used.
admin.site.unregister(Group)


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
    readonly_fields = ("date_joined", "last_login")
    fieldsets = (
        (None, {"fields": ("email", "display_name", "time_zone", "password")}),
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

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Store the person; what this changes in their rights is written down with it."""
        before: tuple[str, bool] = (Role.MEMBER, False)
        if change:
            before = User.objects.values_list("role", "may_plan").get(pk=obj.pk)
        super().save_model(request, obj, form, change)
        assert isinstance(request.user, User)
        audit.record_rights(
            of=obj,
            before=before,
            actor=request.user,
            now=timezone.now(),
            ip=get_adapter().get_client_ip(request),
        )
        if not change:
            services.add_address(user=obj)
        elif "email" in form.changed_data:
            services.replace_address(user=obj)


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
