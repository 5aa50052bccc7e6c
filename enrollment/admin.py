"""Staff's view of cohorts and of who is in them.

The cohort's page is here and not in `sessions`, because opening a cohort makes its seats.
Intake answers are not shown in the admin: reading them has to be logged.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from accounts import clock
from accounts.models import LEADING, User
from enrollment import opening
from enrollment.models import Enrollment, EnrollmentMove, Seat
from sessions.bookings import Conflict
from sessions.forms import CodesField, LeadersField, refuse_too_little
from sessions.models import Cohort, GroupSession


class ReadOnly:
    """Rows that services write: staff look at them and change nothing."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class CohortForm(forms.ModelForm):
    admitted_states = CodesField(
        help_text="Where the facilitators are licensed, as two-letter codes: CA, NY."
    )
    skipped_dates = CodesField(
        required=False,
        help_text="Meeting days without a session, as 2026-12-24, 2026-12-31. The end moves; "
        "there are always 12 sessions.",
    )
    time_zone = forms.ChoiceField(choices=clock.zone_choices)

    def clean_capacity(self) -> int:
        """Seats that exist are not taken away here; somebody may be sitting on them."""
        capacity: int = self.cleaned_data["capacity"]
        seats = Seat.objects.filter(cohort=self.instance.pk).count()
        if capacity < seats:
            raise forms.ValidationError(
                f"This group has {seats} seats already; a smaller number is not possible here."
            )
        return capacity

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        price = cleaned.get("price_cents")
        if price is not None:
            admission = cleaned.get("admission") or self.instance.admission
            refuse_too_little(self, "price_cents", price, admission)
        return cleaned


# "meet.example/room" is read as https://meet.example/room.
HTTPS_LINKS: dict[type[models.Field], dict[str, Any]] = {
    models.URLField: {"assume_scheme": "https"}
}


class GroupSessionInline(ReadOnly, admin.TabularInline):
    """The twelve dates, as members were told of them."""

    model = GroupSession
    formfield_overrides = HTTPS_LINKS
    fields = ("number", "when", "meeting_url")
    readonly_fields = ("number", "when")
    ordering = ("number",)
    extra = 0

    @admin.display(description="On the group's clock")
    def when(self, session: GroupSession) -> str:
        when = clock.day_and_time(session.starts_at, session.cohort.time_zone)
        return f"{when} (cancelled)" if session.cancelled_at else when


@admin.register(Cohort)
class CohortAdmin(admin.ModelAdmin):
    form = CohortForm
    formfield_overrides = HTTPS_LINKS
    list_display = ("name", "status", "first_date", "wall_time", "time_zone", "seats")
    list_filter = ("status", "programme", "time_zone")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name", "first_date")}
    readonly_fields = ("status",)
    # What members have been told and have paid for; it changes only together with a mail.
    promised_fields = (
        "first_date",
        "wall_time",
        "time_zone",
        "duration_minutes",
        "skipped_dates",
        "admission",
        "currency",
    )
    # Who may see the members, and where they meet: changed on pages that write down who did it.
    published_fields = ("changes", "facilitators", "meeting_url")
    inlines = (GroupSessionInline,)
    actions = ("publish", "close")

    def get_readonly_fields(self, request: HttpRequest, obj: Cohort | None = None) -> Any:
        """Once published, leaders and link stay; once somebody has a seat, the dates do too:
        changing them here would tell nobody."""
        if obj is None or obj.status == Cohort.Status.DRAFT:
            return self.readonly_fields
        fields = (*self.readonly_fields, *self.published_fields)
        taken = Seat.objects.filter(cohort=obj).exclude(enrollment=None)
        return (*fields, *self.promised_fields) if obj.version or taken.exists() else fields

    @admin.display(description="Leaders, link and dates")
    def changes(self, cohort: Cohort) -> str:
        where = reverse("enrollment:roster", args=[cohort.slug]) + "#changes-title"
        return format_html('<a href="{}">Change them on the roster page</a>', where)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Cohort | None = None) -> Any:
        """The address is made up once, from fields that a later page may not offer any more."""
        return {} if obj is not None else self.prepopulated_fields

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "facilitators":
            kwargs["queryset"] = User.objects.filter(role__in=LEADING).order_by("display_name")
            kwargs["widget"] = forms.CheckboxSelectMultiple
            kwargs["form_class"] = LeadersField
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Cohort]":
        taken = Count("seats", filter=Q(seats__enrollment__isnull=False))
        cohorts: QuerySet[Cohort] = super().get_queryset(request).annotate(taken=taken)
        return cohorts

    @admin.display(description="Seats taken")
    def seats(self, cohort: Cohort) -> str:
        return f"{cohort.taken} of {cohort.capacity}"  # type: ignore[attr-defined]

    def save_model(self, request: HttpRequest, obj: Cohort, form: Any, change: bool) -> None:
        """Write what the page offered and no more: the dates may have changed meanwhile."""
        offered = [field.name for field in obj._meta.fields if field.name in form.cleaned_data]
        obj.save(update_fields=offered if change else None)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Once published, a cohort's sessions and seats follow what was just saved."""
        super().save_related(request, form, formsets, change)
        if form.instance.status not in (Cohort.Status.DRAFT, Cohort.Status.ARCHIVED):
            opening.lay_out(cohort=form.instance, since=timezone.now())

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A leader or a link that is taken: nothing is saved, and the reasons are said."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Conflict as conflict:
            for reason in conflict.reasons:
                self.message_user(request, f"Nothing was saved. {reason}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    @admin.action(description="Publish: make the twelve sessions and the seats")
    def publish(self, request: HttpRequest, queryset: "QuerySet[Cohort]") -> None:
        for cohort in queryset:
            reasons = opening.reasons_not_to_publish(cohort=cohort, now=timezone.now())
            for reason in reasons:
                self.message_user(request, f"{cohort}: {reason}", messages.ERROR)
            if reasons:
                continue
            try:
                opening.open_enrollment(cohort=cohort)
            except Conflict as conflict:  # somebody published another group a moment ago
                self.message_user(request, f"{cohort}: {conflict}", messages.ERROR)
            else:
                self.message_user(request, f"{cohort} is open for members.")

    @admin.action(description="Close to new members")
    def close(self, request: HttpRequest, queryset: "QuerySet[Cohort]") -> None:
        closed = queryset.filter(status=Cohort.Status.PUBLISHED).update(status=Cohort.Status.CLOSED)
        self.message_user(request, f"{closed} closed to new members.")


class MoveInline(ReadOnly, admin.TabularInline):
    model = EnrollmentMove
    fields = ("at", "source", "target", "reason", "actor")
    readonly_fields = fields
    extra = 0


@admin.register(Enrollment)
class EnrollmentAdmin(ReadOnly, admin.ModelAdmin):
    list_display = (
        *("public_id", "member", "cohort", "status", "reserved_at", "held_until"),
        "story",
    )
    list_filter = ("status",)
    list_select_related = ("member", "cohort")
    search_fields = ("public_id", "member__email", "member__display_name", "cohort__name")
    # The door's address lets its member in; staff have no use for it.
    exclude = ("door_token",)
    readonly_fields = ("story",)
    inlines = (MoveInline,)
    show_full_result_count = False

    @admin.display(description="Money and seat")
    def story(self, enrollment: Enrollment) -> str:
        """Where a seat is ended: there it is looked at first, and the member gets a mail."""
        where = reverse("billing:enrollment", args=[enrollment.public_id])
        return format_html('<a href="{}">At the money desk</a>', where)
