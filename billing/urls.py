from django.urls import path

from billing import views

app_name = "billing"
urlpatterns = [
    path("pay/<uuid:public_id>/", views.pay, name="pay"),
    path("pay/<uuid:public_id>/return/", views.payment_return, name="return"),
    path("webhooks/stripe/", views.webhook, name="webhook"),
]
