from django.urls import path

from sandbox import clock_page, codes, views

app_name = "sandbox"
urlpatterns = [
    path("clock/", clock_page.clock_page, name="clock"),
    path("codes/", codes.codes_page, name="codes"),
    path("mail/", views.mailbox, name="mailbox"),
    path("mail/<str:key>/", views.mail, name="mail"),
    path("mail/<str:key>/html/", views.mail_html, name="mail_html"),
    path("mail/<str:key>/source/", views.mail_source, name="mail_source"),
    path("mail/<str:key>/attachments/<int:number>/", views.attachment, name="attachment"),
]
