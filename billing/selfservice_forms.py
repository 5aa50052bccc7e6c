"""What a member asks a person for, and what that person answers."""

from typing import Any

from django import forms

from billing.kind_forms import KindForm
from billing.models import MemberRequest, RefundDecision


class AskForm(KindForm):
    """A choice, and words if they want."""

    wish = forms.ChoiceField(
        label="What would you like?",
        choices=MemberRequest.Wish.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what you would like."},
    )
    words = forms.CharField(
        label="In your own words, if you like",
        required=False,
        max_length=MemberRequest.LONGEST,
        widget=forms.Textarea(attrs={"rows": 5, "maxlength": MemberRequest.LONGEST}),
        help_text="Up to 500 characters. People who handle payments read it, so please write "
        "nothing about your health.",
    )


class AnswerForm(KindForm):
    """The answer, and whether a refund goes with it."""

    answer = forms.CharField(
        label="Your answer",
        max_length=MemberRequest.LONGEST,
        widget=forms.Textarea(attrs={"rows": 5, "maxlength": MemberRequest.LONGEST}),
        help_text="It is mailed as it stands here. Keep it short; nothing about health, no names "
        "of others.",
        error_messages={"required": "Write what the member should read."},
    )
    refund = forms.ChoiceField(
        label="Does a refund go with it?",
        required=False,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, refunds: list[tuple[str, str]], **kwargs: Any) -> None:
        """`refunds` were decided since the member asked, as (id, words)."""
        super().__init__(*args, **kwargs)
        field = self.fields["refund"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "No refund"), *refunds]
        if not refunds:
            del self.fields["refund"]

    def decision(self) -> RefundDecision | None:
        uuid = self.cleaned_data.get("refund")
        return RefundDecision.objects.get(uuid=uuid) if uuid else None
