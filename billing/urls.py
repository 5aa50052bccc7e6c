from django.urls import path

from billing.views import looking, paying, queue

app_name = "billing"
urlpatterns = [
    path("pay/<uuid:public_id>/", paying.pay, name="pay"),
    path("pay/<uuid:public_id>/return/", paying.payment_return, name="return"),
    path("webhooks/stripe/", paying.webhook, name="webhook"),
    path("money/", queue.queue, name="queue"),
    path("money/payments/<uuid:attempt>/", queue.payment, name="payment"),
    path("money/refunds/<uuid:refund>/seen/", queue.outside_refund, name="outside_refund"),
    path("money/search/", looking.search, name="search"),
    path("money/enrolments/<uuid:public_id>/", looking.enrollment, name="enrollment"),
    path("money/numbers/", looking.show_numbers, name="numbers"),
    path("money/numbers/<slug:name>-<slug:theme>.svg", looking.plot, name="plot"),
    path("money/ledger/", looking.ledger, name="ledger"),
    path("money/ledger.csv", looking.ledger_csv, name="ledger_csv"),
]
