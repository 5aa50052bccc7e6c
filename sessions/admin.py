from typing import ClassVar

from django import forms
from django.contrib import admin

from sessions.forms import LinesField
from sessions.models import WEEKS, CurriculumWeek, Programme

APPROVAL = "a clinician must approve this text before it is used with members"


class CurriculumWeekForm(forms.ModelForm):
    skills = LinesField(help_text="Short names, one a line.")
    activities = LinesField(help_text="Everyday activities to practise in, one a line.")

    class Meta:
        model = CurriculumWeek
        fields = ("number", "module", "title", "skills", "activities")


class CurriculumWeekInline(admin.StackedInline):
    model = CurriculumWeek
    form = CurriculumWeekForm
    extra = 0
    max_num = WEEKS
    ordering = ("number",)
    verbose_name_plural = f"Curriculum: {APPROVAL}"


@admin.register(Programme)
class ProgrammeAdmin(admin.ModelAdmin):
    list_display = ("name", "public_name", "session_minutes", "list_price_cents", "currency")
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    inlines = (CurriculumWeekInline,)
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
