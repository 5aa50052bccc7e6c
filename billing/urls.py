from django.urls import path

from billing.views import disputes, paying, reconciliation

app_name = "billing"
urlpatterns = [
    path("pay/<uuid:public_id>/", paying.pay, name="pay"),
    path("pay/<uuid:public_id>/return/", paying.payment_return, name="return"),
    path("webhooks/stripe/", paying.webhook, name="webhook"),
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
]
