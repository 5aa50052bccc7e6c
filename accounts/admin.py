from typing import Any

from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.http import HttpRequest

from accounts import services
from accounts.models import User

# An address is confirmed by its owner alone, and changed on the person's own page.
admin.site.unregister(EmailAddress)
# A person's role says what they may do; groups of permissions are not used.
admin.site.unregister(Group)


class ChangeForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"


class CreationForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email",)


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    form = ChangeForm
    add_form = CreationForm
    list_display = ("email", "display_name", "role", "time_zone", "is_active", "date_joined")
    list_filter = ("role", "is_active")
    search_fields = ("email", "display_name")
    ordering = ("email",)
    filter_horizontal = ()
    readonly_fields = ("date_joined", "last_login")
    fieldsets = (
        (None, {"fields": ("email", "display_name", "time_zone", "password")}),
        ("What they may do", {"fields": ("role", "is_active")}),
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
        super().save_model(request, obj, form, change)
        if not change:
            services.add_address(user=obj)
        elif "email" in form.changed_data:
            services.replace_address(user=obj)
