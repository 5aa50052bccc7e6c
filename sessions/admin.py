from typing import ClassVar

from django.contrib import admin

from sessions.models import Programme


@admin.register(Programme)
class ProgrammeAdmin(admin.ModelAdmin):
    list_display = ("name", "public_name", "session_minutes", "list_price_cents", "currency")
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": ("name", "public_name", "slug")}),
        (
            "Price and seats of a new group",
            {
                "fields": (
                    "list_price_cents",
                    "currency",
                    "session_minutes",
                    "default_capacity",
                    "max_capacity",
                )
            },
        ),
        ("For insurers", {"fields": ("superbill_allowed",)}),
        (
            "Links and the door",
            {
                "fields": (
                    "link_lead_hours",
                    "reminder_lead_minutes",
                    "door_opens_minutes",
                    "offer_hours",
                )
            },
        ),
    )
