"""What is asked at the money desk."""

from typing import Any

from django import forms

from billing.kind_forms import KindForm


class OutsideRefundForm(KindForm):
    """What becomes of the seat after a refund that was made elsewhere; nothing without a seat."""

    seat = forms.ChoiceField(
        label="The seat",
        widget=forms.RadioSelect,
        choices=[
            ("keep", "Keep it: nothing changes for the member"),
            (
                "free",
                "Free it: the next page shows what that does, and what else can go back",
            ),
        ],
        error_messages={"required": "Choose what becomes of the seat."},
    )
    seen = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, seat_is_there: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not seat_is_there:
            del self.fields["seat"]

    def frees_seat(self) -> bool:
        return bool(self.cleaned_data.get("seat") == "free")
