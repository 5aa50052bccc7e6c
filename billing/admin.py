"""The rows about money, to look at. What moves money has a page of the desk that shows it first;
here two buttons only ask Stripe again what is so already.
"""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from billing import events, gateway, settlement
from billing.models import CheckoutAttempt, Instalment, InstalmentTry, Payment, Refund, StripeEvent
from enrollment.admin import ReadOnly
from outbox.tasks import kick
from sessions.pricing import format_money


@admin.register(CheckoutAttempt)
class CheckoutAttemptAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("uuid", "enrollment_id", "status", "amount", "created_at", "note")
    list_filter = ("status",)
    search_fields = ("uuid", "stripe_session_id", "enrollment__public_id")
    actions = ("ask_stripe",)
    show_full_result_count = False

    @admin.display(ordering="amount_cents")
    def amount(self, attempt: CheckoutAttempt) -> str:
        return format_money(attempt.amount_cents, attempt.currency)

    @admin.action(description="Ask Stripe how it stands now")
    def ask_stripe(self, request: HttpRequest, queryset: "QuerySet[CheckoutAttempt]") -> None:
        for attempt in queryset:
            try:
                settlement.settle(attempt=attempt, now=timezone.now())
            except gateway.GatewayError as error:
                self.message_user(request, f"{attempt}: {error}", messages.ERROR)
            else:
                attempt.refresh_from_db()
                self.message_user(request, f"{attempt}: {attempt.get_status_display()}.")
        kick()


@admin.register(Payment)
class PaymentAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("pk", "enrollment_id", "amount", "going_back", "paid_at")
    search_fields = ("stripe_payment_intent_id", "enrollment__public_id")
    date_hierarchy = "paid_at"
    show_full_result_count = False

    @admin.display(ordering="amount_cents")
    def amount(self, payment: Payment) -> str:
        return format_money(payment.amount_cents, payment.currency)

    @admin.display(description="Refunded or on its way")
    def going_back(self, payment: Payment) -> str:
        return format_money(payment.refund_reserved_cents, payment.currency)


@admin.register(Refund)
class RefundAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("uuid", "payment_id", "amount", "status", "reason", "requested_at", "note")
    list_filter = ("status", "reason")
    list_select_related = ("payment",)
    search_fields = ("uuid", "stripe_refund_id", "payment__stripe_payment_intent_id")
    show_full_result_count = False

    @admin.display(ordering="amount_cents")
    def amount(self, refund: Refund) -> str:
        return format_money(refund.amount_cents, refund.payment.currency)


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("event_id", "type", "status", "received_at", "attempts", "note")
    list_filter = ("status", "type")
    search_fields = ("event_id",)
    actions = ("apply_again",)
    show_full_result_count = False

    @admin.action(description="Apply again, if it is still stored")
    def apply_again(self, request: HttpRequest, queryset: "QuerySet[StripeEvent]") -> None:
        stored = queryset.filter(status=StripeEvent.Status.STORED)
        try:
            applied = sum(
                events.apply_event(event=event, now=timezone.now()) != events.Outcome.FAILED
                for event in stored
            )
        except gateway.Unreachable as error:
            self.message_user(request, f"Stripe is away: {error}", messages.ERROR)
        else:
            self.message_user(request, f"{applied} applied.")
        kick()


@admin.register(Instalment)
class InstalmentAdmin(ReadOnly, admin.ModelAdmin):
    list_display = (
        *("enrollment_id", "number", "amount", "status", "due_at"),
        *("tries", "next_try_at", "needs_member"),
    )
    list_filter = ("status", "needs_member")
    search_fields = ("enrollment__public_id", "uuid")
    show_full_result_count = False

    @admin.display(ordering="amount_cents")
    def amount(self, part: Instalment) -> str:
        return format_money(part.amount_cents, part.currency)


@admin.register(InstalmentTry)
class InstalmentTryAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("instalment_id", "number", "status", "created_at", "settled_at", "note")
    list_filter = ("status",)
    search_fields = ("stripe_payment_intent_id", "instalment__enrollment__public_id")
    show_full_result_count = False
