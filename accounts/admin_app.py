"""Django's admin, with a site of our own. Not in `apps.py`, where one app alone is looked for."""

from django.contrib.admin.apps import AdminConfig


class StaffPagesConfig(AdminConfig):
    default_site = "accounts.admin_site.StaffSite"
