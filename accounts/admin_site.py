"""Django's admin is for admins who have shown their second factor in this session."""

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from accounts import second_factor


class StaffSite(AdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        """Who lacks only the factor is sent to `grouport.views.admin_login`, which asks for it."""
        return super().has_permission(request) and second_factor.is_shown(request)
