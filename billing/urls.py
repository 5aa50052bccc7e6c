from django.urls import path

from billing.views import paying, refunding

app_name = "billing"
urlpatterns = [
    path("pay/<uuid:public_id>/", paying.pay, name="pay"),
    path("pay/<uuid:public_id>/return/", paying.payment_return, name="return"),
    path("webhooks/stripe/", paying.webhook, name="webhook"),
    path("money/enrolments/<uuid:public_id>/", refunding.story, name="enrollment"),
    path("money/enrolments/<uuid:public_id>/refund/", refunding.refund, name="refund"),
    path("money/decisions/<uuid:key>/", refunding.decision, name="decision"),
    path("money/refunds/<uuid:key>/", refunding.failed, name="failed_refund"),
]
