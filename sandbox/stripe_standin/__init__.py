"""A stand-in for Stripe that runs on this machine: the API, the payment page, the webhooks.

It is a company of its own: a separate process without Django and without the app's
database, which knows only what the app sends it. `python -m sandbox.stripe_standin --help`.
"""
