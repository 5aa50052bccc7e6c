from django.urls import path

from billing.views import parts, paying

app_name = "billing"
urlpatterns = [
    path("pay/<uuid:public_id>/", paying.pay, name="pay"),
    path("pay/<uuid:public_id>/return/", paying.payment_return, name="return"),
    path("my/<uuid:public_id>/payments/", parts.payments, name="payments"),
    path("webhooks/stripe/", paying.webhook, name="webhook"),
]
