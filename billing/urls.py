from django.urls import path

from billing.views import paying, queue

app_name = "billing"
urlpatterns = [
    path("money/", queue.queue, name="money"),
    path("pay/<uuid:public_id>/", paying.pay, name="pay"),
    path("pay/<uuid:public_id>/return/", paying.payment_return, name="return"),
    path("webhooks/stripe/", paying.webhook, name="webhook"),
]
