"""A fan-out: several ways tried at once from one place. One prompt with several models, efforts or
additions to the system prompt; or several prompts. Plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sessiontree.model.run import Choice
from sessiontree.model.text import label

LEAST, MOST = 2, 8
"""How many ways a fan-out can have. More than a person can compare is no help."""

_ADDITION = 24  # characters of an addition by which it is told from others


@dataclass(frozen=True, slots=True)
class Way:
    """A prompt, and how its run is set. Among several ways "" is the prompt of the first."""

    prompt: str
    choice: Choice = field(default_factory=Choice)


@dataclass(frozen=True, slots=True)
class Preset:
    """`ways` makes them from the first; `then` is what a person goes on to type in the last of
    them: "prompt", "append", or "" where nothing is missing."""

    name: str
    ways: Callable[[Way], list[Way]]
    then: str = ""


def _models(first: Way) -> list[Way]:
    models = ("opus", "sonnet", "haiku")
    return _one_prompt(first, [replace(first.choice, model=model) for model in models])


def _efforts(first: Way) -> list[Way]:
    efforts = ("low", "medium", "high")
    return _one_prompt(first, [replace(first.choice, effort=effort) for effort in efforts])


def _twice(first: Way) -> list[Way]:
    return _one_prompt(first, [first.choice, first.choice])


def _one_prompt(first: Way, choices: Sequence[Choice]) -> list[Way]:
    return [Way("" if number else first.prompt, one) for number, one in enumerate(choices)]


PRESETS = (
    Preset("three models", _models),
    Preset("three efforts", _efforts),
    Preset("twice the same", _twice),
    Preset("two prompts", _twice, then="prompt"),
    Preset("with and without an addition", _twice, then="append"),
)


def whole(ways: Sequence[Way]) -> list[Way]:
    """The ways with the prompt of the first where one has none of its own."""
    return [way if way.prompt.strip() else replace(way, prompt=ways[0].prompt) for way in ways]


def apart(ways: Sequence[Way]) -> list[str]:
    """For each way a few words on what tells it from the others, "" where its prompt alone does.
    Ways that are the same are numbered."""
    ways = whole(ways)
    settings = {
        "default model": [way.choice.model for way in ways],
        "default effort": [way.choice.effort and f"{way.choice.effort} effort" for way in ways],
        "nothing added": [_addition(way.choice.append) for way in ways],
    }
    vary = {name: words for name, words in settings.items() if len(set(words)) > 1}
    unset = next(iter(vary)) if len(vary) == 1 else "default"
    told = [", ".join(filter(None, parts)) or unset for parts in zip(*vary.values(), strict=True)]
    told = told or [""] * len(ways)
    same = Counter(zip((way.prompt for way in ways), told, strict=True))
    seen: Counter[tuple[str, str]] = Counter()
    for index, way in enumerate(ways):
        one = (way.prompt, told[index])
        seen[one] += 1
        if same[one] > 1:
            told[index] = f"{told[index]} #{seen[one]}".strip()
    return told


def _addition(append: str) -> str:
    words = label(append)
    return words and f"+ {words if len(words) <= _ADDITION else words[: _ADDITION - 1] + '…'}"
