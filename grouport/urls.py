from allauth.account import views as account_views
from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from accounts.proof import needs_proof
from grouport import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz, name="healthz"),
    # These two come first: an open session alone may not change how one signs in.
    path("accounts/email/", needs_proof(account_views.email)),
    path("accounts/password/set/", needs_proof(account_views.password_set)),
    path("accounts/", include("allauth.urls")),
    path("admin/login/", views.admin_login),
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),
    path("", include("billing.urls")),
    path("", include("enrollment.urls")),
]
if settings.DEVELOPMENT:
    urlpatterns.append(path("sandbox/", include("sandbox.urls")))
