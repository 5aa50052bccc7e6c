from django.urls import path

from billing.views import (
    codes,
    disputes,
    looking,
    papers,
    parts,
    paying,
    personal_prices,
    queue,
    reconciliation,
    refunding,
    requests,
    selfservice,
)

app_name = "billing"
urlpatterns = [
    path("money/", queue.queue, name="money"),
    path("pay/<uuid:public_id>/", paying.pay, name="pay"),
    path("pay/<uuid:public_id>/code/", codes.use, name="pay_code"),
    path("pay/<uuid:public_id>/return/", paying.payment_return, name="return"),
    path("my/<uuid:public_id>/papers/", papers.papers, name="papers"),
    path("my/<uuid:public_id>/papers/<slug:kind>/", papers.paper, name="paper"),
    path("my/<uuid:public_id>/papers/<slug:kind>.pdf", papers.paper_pdf, name="paper_pdf"),
    path(
        "my/<uuid:public_id>/papers/payments/<int:payment_id>/",
        papers.paper,
        {"kind": "receipt"},
        name="payment_receipt",
    ),
    path(
        "my/<uuid:public_id>/papers/payments/<int:payment_id>.pdf",
        papers.paper_pdf,
        {"kind": "receipt"},
        name="payment_receipt_pdf",
    ),
    path(
        "money/enrolments/<uuid:public_id>/receipt/",
        papers.desk_receipt,
        name="desk_receipt",
    ),
    path(
        "money/enrolments/<uuid:public_id>/receipt.pdf",
        papers.desk_receipt_pdf,
        name="desk_receipt_pdf",
    ),
    path(
        "money/enrolments/<uuid:public_id>/superbill/",
        papers.desk_superbill,
        name="desk_superbill",
    ),
    path("my/<uuid:public_id>/payments/", parts.payments, name="payments"),
    path("webhooks/stripe/", paying.webhook, name="webhook"),
    path("money/codes/", codes.overview, name="codes"),
    path("money/codes/new/", codes.new, name="code_new"),
    path("money/codes/<int:pk>/end/", codes.end, name="code_end"),
    path("money/prices/", personal_prices.overview, name="prices"),
    path("money/prices/for/<int:pk>/", personal_prices.give, name="price_give"),
    path("money/prices/<int:pk>/end/", personal_prices.end, name="price_end"),
    path("money/payments/<uuid:attempt>/", queue.payment, name="payment"),
    path("money/refunds/<uuid:refund>/seen/", queue.outside_refund, name="outside_refund"),
    path("money/search/", looking.search, name="search"),
    path("money/enrolments/<uuid:public_id>/", looking.enrollment, name="enrollment"),
    path("money/numbers/", looking.show_numbers, name="numbers"),
    path("money/numbers/<slug:name>-<slug:theme>.svg", looking.plot, name="plot"),
    path("money/ledger/", looking.ledger, name="ledger"),
    path("money/ledger.csv", looking.ledger_csv, name="ledger_csv"),
    path("money/disputes/", disputes.dispute_list, name="disputes"),
    path("money/disputes/<str:dispute_id>/", disputes.dispute, name="dispute"),
    path(
        "money/disputes/<str:dispute_id>/seat/<slug:what>/",
        disputes.dispute_seat,
        name="dispute_seat",
    ),
    path("money/reconciliation/", reconciliation.overview, name="reconciliation"),
    path("money/reconciliation/progress/", reconciliation.progress, name="reconciliation_progress"),
    path(
        "money/reconciliation/<int:run_id>/stop/", reconciliation.stop, name="reconciliation_stop"
    ),
    path(
        "money/reconciliation/differences/<int:pk>/", reconciliation.difference, name="difference"
    ),
    path("money/enrolments/<uuid:public_id>/refund/", refunding.refund, name="refund"),
    path("money/decisions/<uuid:key>/", refunding.decision, name="decision"),
    path("money/refunds/<uuid:key>/", refunding.failed, name="failed_refund"),
    path("my/<uuid:public_id>/leave/", selfservice.leave, name="leave"),
    path("my/<uuid:public_id>/move/", selfservice.move, name="move"),
    path("my/<uuid:public_id>/move/<slug:slug>/", selfservice.move_to, name="move_to"),
    path("my/<uuid:public_id>/ask/", selfservice.ask, name="ask"),
    path("money/requests/<int:pk>/", requests.request, name="request"),
]
