from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from grouport import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz, name="healthz"),
    path("accounts/", include("allauth.urls")),
    path("admin/login/", views.admin_login),
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),
    path("", include("billing.urls")),
    path("", include("enrollment.urls")),
]
if settings.DEVELOPMENT:
    urlpatterns.append(path("sandbox/", include("sandbox.urls")))
