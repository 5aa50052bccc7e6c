from django.urls import path

from billing.views import codes, paying, personal_prices, queue

app_name = "billing"
urlpatterns = [
    path("money/", queue.queue, name="money"),
    path("pay/<uuid:public_id>/", paying.pay, name="pay"),
    path("pay/<uuid:public_id>/code/", codes.use, name="pay_code"),
    path("pay/<uuid:public_id>/return/", paying.payment_return, name="return"),
    path("webhooks/stripe/", paying.webhook, name="webhook"),
    path("money/codes/", codes.overview, name="codes"),
    path("money/codes/new/", codes.new, name="code_new"),
    path("money/codes/<int:pk>/end/", codes.end, name="code_end"),
    path("money/prices/", personal_prices.overview, name="prices"),
    path("money/prices/for/<int:pk>/", personal_prices.give, name="price_give"),
    path("money/prices/<int:pk>/end/", personal_prices.end, name="price_end"),
]
