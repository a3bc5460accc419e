"""The words of notifications: for everything that players are notified of, made of what its message has."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import get_type_hints

import msgspec

from engine.model.events import EventKind
from gateway.presenters.messages import NOTIFICATIONS, PRIVATE, VARIANTS
from gateway.presenters.names import CAUSES, RESULTS
from persistence.event_rows import NOTIFIED


def test_there_are_words_for_everything_that_is_kept_and_for_nothing_else() -> None:
    variants: dict[EventKind, Mapping[int, str]] = {EventKind.POSITION_CLOSED: CAUSES, EventKind.FIXED_SETTLED: RESULTS}
    expected = set()
    for kind, condition in NOTIFIED.items():
        names = variants.get(kind)
        if names is None:
            expected.add((kind, ""))
        else:
            expected |= {(kind, names[value]) for value in (condition[1] if condition else names)}
    assert set(NOTIFICATIONS) == expected
    assert set(VARIANTS) == set(variants)


def test_they_name_only_what_the_message_has() -> None:
    for (kind, variant), template in NOTIFICATIONS.items():
        shape = get_type_hints(PRIVATE[kind].data)["return"]
        fields = {field.name for field in msgspec.structs.fields(shape)}
        named = {name for _, name, _, _ in Formatter().parse(template.text) if name}
        assert named <= fields | {"why"}, (kind, variant)
        assert "{" not in template.title
