from allauth.account import views as account_views
from allauth.mfa.recovery_codes import views as code_views
from allauth.mfa.totp import views as totp_views
from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from accounts import factor_views
from accounts.proof import needs_proof
from accounts.second_factor import needs_factor_proof
from accounts.views import sign_out
from grouport import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz, name="healthz"),
    path("accounts/logout/", sign_out),
    # These come first: an open session alone may not change how one signs in.
    path("accounts/email/", needs_proof(account_views.email)),
    path("accounts/password/set/", needs_proof(account_views.password_set)),
    path("accounts/2fa/totp/activate/", needs_factor_proof(factor_views.set_up)),
    path("accounts/2fa/totp/deactivate/", needs_factor_proof(totp_views.deactivate_totp)),
    path("accounts/2fa/recovery-codes/", needs_factor_proof(factor_views.recovery_codes)),
    path(
        "accounts/2fa/recovery-codes/generate/",
        needs_factor_proof(code_views.generate_recovery_codes),
    ),
    path(
        "accounts/2fa/recovery-codes/download/",
        needs_factor_proof(code_views.download_recovery_codes),
    ),
    path("accounts/", include("allauth.urls")),
    path("admin/login/", views.admin_login),
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),
    path("", include("billing.urls")),
    path("", include("practice.urls")),
    path("", include("enrollment.urls")),
]
if settings.DEVELOPMENT:
    urlpatterns.append(path("sandbox/", include("sandbox.urls")))
