"""The machine of tests/billing/test_money_machine.py: what it sees, and the laws it holds."""
