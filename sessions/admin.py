from typing import ClassVar

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from sessions.models import Programme


@admin.register(Programme)
class ProgrammeAdmin(admin.ModelAdmin):
    list_display = ("name", "public_name", "session_minutes", "list_price_cents", "currency")
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    readonly_fields = ("curriculum",)
    fieldsets = (
        (None, {"fields": ("name", "public_name", "slug", "curriculum")}),
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

    @admin.display(description="What it teaches")
    def curriculum(self, programme: Programme) -> str:
        """It has pages of its own: versions, a clinician's tick, publication."""
        return format_html('<a href="{}">The curriculum</a>', reverse("enrollment:curricula"))
