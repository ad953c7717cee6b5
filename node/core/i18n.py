"""Sentences that a page translates when it shows them.

The Chinese sentence is the source. One without values is a plain string; one with values keeps its
template beside the filled-in text, so that the page can look the template up and fill it anew:

    raise Conflict("这件业务{state}，不能再{action}", state=…, action=…)      # core.errors does it
    words = sentence("还差 {years} 年", years=3)

Values are filled in as text. One that is itself a sentence (a title, a state) is translated too.
"""

from collections.abc import Mapping
from typing import Any


def _(sentence: str) -> str:
    """The sentence itself. The catalogue tool finds it, rendering looks up its translation."""
    return sentence


class Sentence(str):
    """A Chinese sentence with its values filled in, which remembers how it was made."""

    template: str
    values: Mapping[str, Any]

    __slots__ = ("template", "values")


def sentence(template: str, **values: Any) -> str:
    """The sentence filled in. What is no template (a stray brace in it) stays as it is."""
    if "{" not in template:
        return template
    try:
        filled = Sentence(template.format(**values))
    except (KeyError, IndexError, ValueError, AttributeError):
        return template
    filled.template, filled.values = template, values
    return filled
