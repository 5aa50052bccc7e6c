"""What a member types about one area of their days, about a week's plan, and how it went."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from django import forms

from practice.fields import FROM_THE_LIST, NO_ANSWER, ScaleField, WordsField
from practice.looks import Look
from practice.planning import Outcome, Plan, Suggested
from sessions.models import Area


class LookForm(forms.Form):
    """One area of daily life. Nothing in it has to be filled in."""

    WAY: ClassVar[tuple[str, ...]] = ("person", "surroundings", "task")

    well = WordsField(label="What goes well?", lines=3)
    hard = WordsField(label="What is hard?", lines=3)
    helps = WordsField(label="What helps?", lines=3)
    person = WordsField(
        label="In me", help_text="For example being tired, worry, pain, not knowing how.", lines=2
    )
    surroundings = WordsField(
        label="Around me", help_text="For example noise, other people, no room, no money.", lines=2
    )
    task = WordsField(
        label="In the thing itself",
        help_text="For example too many steps, too long, always at a bad time.",
        lines=2,
    )
    performance = ScaleField(
        label="How well does it go?", help_text="1 is “not at all”, 10 is “very well”."
    )
    satisfaction = ScaleField(
        label="How content are you with that?", help_text="1 is “not at all”, 10 is “very”."
    )
    matters = forms.BooleanField(
        label="This area matters to me now",
        help_text="When you plan a week, you see ideas from it first.",
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.WAY:
            self.fields[name].by_choice = True  # type: ignore[attr-defined]  # for field.html

    def look(self) -> Look:
        """The cleaned answers as one value."""
        return Look(**self.cleaned_data)


class SuggestionSelect(forms.RadioSelect):
    """Radio buttons by area. Only the first `front` areas are in sight; the others fold out."""

    template_name = "practice/widgets/suggestions.html"
    front = 0

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        groups = context["widget"]["optgroups"]
        listed, own = groups[:-1], groups[-1]
        folded = listed[self.front :]
        chosen = any(option["selected"] for _, options, _ in folded for option in options)
        context["widget"] |= {
            "in_sight": listed[: self.front],
            "folded": folded,
            "opened": chosen,
            "own": own[1][0],
        }
        return context


class SkillSelect(forms.RadioSelect):
    """Radio buttons, each with what the skill is in a line below its name."""

    template_name = "practice/widgets/skills.html"
    explained: Mapping[str, str] = MappingProxyType({})

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if words := self.explained.get(str(value)):
            option["words"] = words
            option["attrs"]["aria-describedby"] = f"{option['attrs']['id']}_is"
        return option


class ActivityField(forms.ChoiceField):
    """Called for by its form, because something of one's own stands for it as well."""

    def validate(self, value: Any) -> None:
        if value:
            super().validate(value)


OWN = "own"
TWO_CHOSEN = (
    "You chose a suggestion and wrote an idea of your own. Choose \u201cSomething of my own\u201d "
    "above, or empty this field."
)


class PlanForm(forms.Form):
    """One practice for a week: a skill, something of the day to try it in, and what eases it."""

    EASINGS: ClassVar[tuple[str, ...]] = ("task", "place", "tool", "person")

    skill = forms.ChoiceField(
        label="Which skill?",
        widget=SkillSelect,
        error_messages={"required": "Choose one skill.", "invalid_choice": FROM_THE_LIST},
    )
    activity = ActivityField(
        label="What do you try it in?",
        widget=SuggestionSelect,
        error_messages={"invalid_choice": FROM_THE_LIST},
    )
    own = WordsField(label="Your own idea", help_text="Small is good.")
    own_area = forms.ChoiceField(
        label="Which part of your days is it?",
        choices=[("", "I can\u2019t say"), *Area.choices],
        required=False,
        error_messages={"invalid_choice": FROM_THE_LIST},
    )
    when = WordsField(label="When and where?", help_text="For example “while cooking on Tuesday”.")
    task = WordsField(
        label="Do it in a smaller or different way", help_text="Half of it, slower, sitting down."
    )
    place = WordsField(
        label="Change something about the place", help_text="Another room, less noise, more light."
    )
    tool = WordsField(label="Use a thing", help_text="A note, a timer, a list, music.")
    person = WordsField(label="Ask somebody", help_text="To remind you, or to do it with you.")
    sure = ScaleField(
        label="How sure are you that it will happen?",
        help_text="1 is “not at all”, 10 is “quite sure”. Any number is fine.",
    )

    def __init__(
        self,
        *args: Any,
        skills: Sequence[tuple[str, str]],
        suggestions: Sequence[Suggested],
        plan: Plan,
        **kwargs: Any,
    ) -> None:
        """`skills` come with what each is. `plan` is what stands: what it chose stays among the
        choices."""
        super().__init__(*args, **kwargs)
        self.by_key = {one.key: one for group in suggestions for one in group.activities}
        explained = dict(skills)
        self._offer_skills([*explained, *({plan.skill} - {*explained, ""})], explained)
        self._offer_activities(suggestions)
        for name in ("own", "own_area", *self.EASINGS):
            self.fields[name].by_choice = True  # type: ignore[attr-defined]  # for field.html

    def _offer_skills(self, skills: Sequence[str], explained: Mapping[str, str]) -> None:
        if not skills:  # a week without a text
            del self.fields["skill"]
            return
        field = self.fields["skill"]
        assert isinstance(field, forms.ChoiceField)
        assert isinstance(field.widget, SkillSelect)
        field.widget.explained = explained
        field.choices = [(skill, skill) for skill in skills]
        if len(skills) == 1:
            field.initial = skills[0]

    def _offer_activities(self, suggestions: Sequence[Suggested]) -> None:
        field = self.fields["activity"]
        assert isinstance(field, forms.ChoiceField)
        assert isinstance(field.widget, SuggestionSelect)
        groups = [
            (group.label, [(one.key, one.text) for one in group.activities])
            for group in suggestions
        ]
        field.choices = [*groups, (OWN, "Something of my own")]
        matter = sum(group.matters for group in suggestions)
        field.widget.front = matter or len(suggestions)

    def clean(self) -> dict[str, Any]:
        """What is written without a choice is one's own; an own one has to be written. Of both, we
        ask which one."""
        cleaned: dict[str, Any] = super().clean() or {}
        chosen, own = cleaned.get("activity"), cleaned.get("own")
        if chosen == OWN and not own and "own" not in self.errors:
            self.add_error("own", "Write what you want to try, in a few words.")
        elif chosen in self.by_key and own:
            self.add_error("own", TWO_CHOSEN)
        elif not chosen and not own and not self.errors.keys() & {"activity", "own"}:
            self.add_error("activity", "Choose one, or write something of your own.")
        return cleaned

    def plan(self) -> Plan:
        """The cleaned answers as one value, without a word about how it went."""
        data = self.cleaned_data
        listed = self.by_key.get(data["activity"])
        return Plan(
            skill=data.get("skill", ""),
            activity=listed.text if listed else data["own"],
            area=listed.area if listed else data["own_area"],
            when=data["when"],
            sure=data["sure"],
            **{name: data[name] for name in self.EASINGS},
        )

    def initial_from(self, plan: Plan) -> dict[str, Any]:
        """What this form would show of a plan."""
        same = (
            one.key
            for one in self.by_key.values()
            if (one.area, one.text) == (plan.area, plan.activity)
        )
        listed = next(same, "")
        own = {"activity": OWN, "own": plan.activity, "own_area": plan.area}
        chosen = {"activity": listed, "own": "", "own_area": ""}
        kept = {name: getattr(plan, name) for name in ("skill", "when", "sure", *self.EASINGS)}
        mine = not listed if plan.is_made else not self.by_key
        return {**kept, **(own if mine else chosen)}

    def typed(self) -> dict[str, Any]:
        """The cleaned answers as a form would show them; what was written alone is one's own."""
        return {**self.cleaned_data, "activity": self.cleaned_data["activity"] or OWN}

    @property
    def eases(self) -> bool:
        """Something about making it easier is there, or wrong: the four fields are not folded."""
        values = (self[name].value() for name in self.EASINGS)
        return any(values) or bool(self.errors.keys() & {*self.EASINGS})


class OutcomeForm(forms.Form):
    """How it went, for whoever wants to say so."""

    outcome = forms.ChoiceField(
        label="How did it go?",
        choices=[(one.value, one.label) for one in Outcome] + [NO_ANSWER],
        widget=forms.RadioSelect,
        required=False,
        error_messages={"invalid_choice": FROM_THE_LIST},
    )
    outcome_words = WordsField(label="A word about it", lines=3)

    def said(self) -> tuple[Outcome | None, str]:
        data = self.cleaned_data
        return Outcome(data["outcome"]) if data["outcome"] else None, data["outcome_words"]
