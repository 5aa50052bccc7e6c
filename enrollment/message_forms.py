"""What a leader types to write to a group."""

import datetime as dt
import zoneinfo
from collections.abc import Sequence
from typing import Any

from django import forms

from accounts import clock
from accounts.plain_text import validate_seen
from enrollment.group_messages import FURTHEST, Draft, People
from enrollment.models import Enrollment, GroupMessage
from enrollment.moments import MomentForm
from enrollment.roster import name_of
from sessions.schedule import instant

TO_WHOM = [("everyone", "Everybody in the group"), ("some", "Only those I choose")]
WHEN = [("now", "Right away"), ("later", "At a date and time")]


class Words(forms.CharField):
    """Several lines, with line ends that count as one character each."""

    def to_python(self, value: Any) -> Any:
        text: str = super().to_python(value) or ""
        return text.replace("\r\n", "\n").replace("\r", "\n")


class MessageForm(MomentForm):
    """A message, whom it is for, and when it goes out on the group's clock."""

    to_whom = forms.ChoiceField(
        label="Who gets it?",
        choices=TO_WHOM,
        widget=forms.RadioSelect,
        help_text="Each gets a mail of their own. Nobody sees who else got it.",
        error_messages={"required": "Choose who gets it."},
    )
    chosen = forms.MultipleChoiceField(
        label="Which of them?",
        required=False,
        help_text="Only when not everybody gets it.",
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "invalid_choice": "Somebody you chose has no confirmed seat any more. Look who is "
            "ticked, and go on."
        },
    )
    body = Words(
        label="Your message",
        max_length=GroupMessage.LONGEST,
        validators=[validate_seen],
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="A greeting by name, and where to get help at once, are added. Name no members, "
        "and write nothing that a stranger should not read on a phone's screen.",
        error_messages={"required": "Write your message."},
    )
    when = forms.ChoiceField(
        label="When does it go out?",
        choices=WHEN,
        widget=forms.RadioSelect,
        initial="now",
        error_messages={"required": "Choose when it goes out."},
    )
    field_order = ("to_whom", "chosen", "body", "when", "day", "wall_time")

    def __init__(
        self, *args: Any, people: People, zone: zoneinfo.ZoneInfo, now: dt.datetime, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.people, self.zone, self.now = people, zone, now
        self.members = {str(one.public_id): one for one in people.standing}
        chosen = self.fields["chosen"]
        assert isinstance(chosen, forms.MultipleChoiceField)
        chosen.choices = [(key, name_of(one)) for key, one in self.members.items()]
        self.fields["day"].help_text = "Only when it does not go out right away."
        label = clock.zone_label(zone)
        self.fields["wall_time"].help_text = f"On the group's clock ({label})."

    def clean(self) -> dict[str, Any]:
        """Ask for what is missing, and say everything that must not be mailed."""
        cleaned: dict[str, Any] = super().clean() or {}
        self._look_at_recipients(cleaned)
        if cleaned.get("when") == "later":
            self._look_at_time(cleaned)
        if "body" in cleaned:
            found = self.people.findings(body=cleaned["body"], to=self._to(cleaned))
            for words in found:
                self.add_error("body", words)
        return cleaned

    def _look_at_recipients(self, cleaned: dict[str, Any]) -> None:
        if cleaned.get("to_whom") == "some":
            if not cleaned.get("chosen") and "chosen" not in self.errors:
                self.add_error("chosen", "Tick at least one person.")
        elif cleaned.get("when") == "now" and not self.members:
            self.add_error("to_whom", "Nobody has a confirmed seat yet, so nobody would get it.")

    def _look_at_time(self, cleaned: dict[str, Any]) -> None:
        if not self.ask_when(cleaned, day="Choose the date.", wall_time="Choose the time."):
            return
        day, wall_time = cleaned["day"], cleaned["wall_time"]
        # A year at either end of the calendar has no instant in every zone.
        distance = day - self.now.astimezone(self.zone).date()
        if distance > FURTHEST:
            self.add_error("day", f"That is more than {FURTHEST.days} days ahead.")
        elif distance < dt.timedelta(0) or instant(day, wall_time, self.zone) <= self.now:
            self.add_error("day", "That time has passed. Choose a later one, or send it now.")

    def _to(self, cleaned: dict[str, Any]) -> Sequence[Enrollment] | None:
        if cleaned.get("to_whom") != "some":
            return None
        return [self.members[key] for key in cleaned.get("chosen", [])]

    def draft(self) -> Draft:
        """What is to be sent, once the form is valid."""
        said = self.cleaned_data
        later = said["when"] == "later"
        return Draft(
            body=said["body"],
            to=self._to(said),
            send_at=instant(said["day"], said["wall_time"], self.zone) if later else None,
        )
