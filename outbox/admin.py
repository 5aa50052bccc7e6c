"""Where staff see which mails went out, which wait and which need help."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from outbox import services, tasks
from outbox.models import Message, State


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    """Mails are read here, never written; the one thing to do is to try a failed one again."""

    list_display = (
        "kind",
        "recipient",
        "state",
        "attempts",
        "next_try_at",
        "sent_at",
        "last_error",
    )
    list_filter = ("state", "kind")
    search_fields = ("=recipient__id", "recipient__email")
    search_help_text = "The recipient's number or email address."
    ordering = ("-id",)
    list_select_related = ("recipient",)
    # Counting every mail ever sent to show one number takes longer than the page.
    show_full_result_count = False
    actions = ("try_again",)
    change_form_template = "admin/outbox/message/change_form.html"
    readonly_fields = ("message_id",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        button = path(
            "<int:pk>/try-again/",
            self.admin_site.admin_view(self.try_one_again),
            name="outbox_message_try_again",
        )
        return [button, *super().get_urls()]

    @admin.action(description="Try again", permissions=["view"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        failed = queryset.filter(state=State.FAILED)
        self._queue(request, list(failed))

    def try_one_again(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._queue(request, list(Message.objects.filter(pk=pk, state=State.FAILED)))
        return redirect(reverse("admin:outbox_message_change", args=[pk]))

    def _queue(self, request: HttpRequest, failed: list[Message]) -> None:
        count = services.retry_failed(
            message_ids=[message.pk for message in failed], now=timezone.now()
        )
        for message in failed:
            self.log_change(request, message, "Try again")
        tasks.kick()
        if count:
            self.message_user(request, f"Queued again: {count}.", messages.SUCCESS)
        else:
            self.message_user(request, "Only failed mails can be tried again.", messages.WARNING)
