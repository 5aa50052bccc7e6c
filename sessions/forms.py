"""Form fields for the short lists that a programme and a cohort keep."""

from typing import Any

from django import forms


class LinesField(forms.CharField):
    """A list of short texts, one a line."""

    widget: forms.Widget = forms.Textarea(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(self.prepare_value(initial)) != self.to_python(data))


class CodesField(LinesField):
    """A list of codes or dates, parted by commas or spaces: "CA, NY"."""

    widget: forms.Widget = forms.TextInput(attrs={"size": 80})

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return str(value or "").replace(",", " ").upper().split()
