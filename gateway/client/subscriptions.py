"""What a client listens to, and how it is asked for again on a new socket."""

from __future__ import annotations

from typing import Any

from gateway.client.errors import Refused
from gateway.client.states import Restored
from gateway.protocol.envelopes import ServerMessage


class Subscriptions:
    """Channels in the order of their subscription, and the number of the last message of those that the arena counts
    for ever: of these it can tell what was missed."""

    def __init__(self) -> None:
        self.channels: list[str] = []
        self.session = ""
        """In which they were last listened to."""
        self._last: dict[str, int] = {}
        self._notified = 0
        """Number of the last notification."""
        self._parts: list[list[str]] = []
        """What is still to be asked for on the new socket: the last part is the next."""
        self.restored: dict[str, Restored] = {}

    def add(self, *channels: str) -> None:
        self.channels = list(dict.fromkeys((*self.channels, *channels)))

    def remove(self, *channels: str) -> None:
        self.channels = [kept for kept in self.channels if kept not in channels]
        for channel in channels:
            self._last.pop(channel, None)

    def took(self, incoming: ServerMessage) -> bool:
        """A message of a channel has come; false when it has before: a resume repeats the notification of the last
        message, as nobody can say whether it came."""
        if incoming.type == "notification" and incoming.kind == "":
            if incoming.n <= self._notified:
                return False
            self._notified = incoming.n
        elif incoming.kind == "snapshot" and incoming.channel == "me":
            self._notified = 0
        if incoming.kind == "ended":
            self.remove(incoming.channel)
        elif incoming.channel == "me" or incoming.channel.startswith("match."):
            self._last[incoming.channel] = incoming.n
        return True

    # On a new socket

    def begin_again(self) -> None:
        """All of them are to be asked for: those that can be resumed first."""
        counted = [channel for channel in self.channels if self.session and channel in self._last]
        self._parts = [[channel for channel in self.channels if channel not in counted], counted]
        self.restored = {}

    def next_request(self) -> tuple[str, dict[str, Any], list[str]] | None:
        """Op and arguments, and the channels that it is about; None when nothing is left to be asked for."""
        while self._parts:
            part = [channel for channel in self._parts.pop() if channel in self.channels]
            if not part:
                continue
            if self.session and all(channel in self._last for channel in part):
                return "resume", {"session": self.session, "last": {each: self._last[each] for each in part}}, part
            return "subscribe", {"channels": part}, part
        return None

    def again(self, part: list[str]) -> None:
        """It was not answered, or refused for now."""
        self._parts.append(part)

    def refused(self, part: list[str], refused: Refused) -> str | None:
        """The channel that is lost for good by a refusal of the part. The others are asked for again; where the arena
        does not say which one it was, or there were too many at once, in two halves."""
        named = refused.details.get("channel")
        if refused.retry == "never" and (named in part or len(part) == 1):
            lost = str(named) if named in part else part[0]
            self.remove(lost)
            self._parts.append(part)
            return lost
        half = len(part) // 2
        self._parts += [part[half:], part[:half]] if half else [part]
        return None
