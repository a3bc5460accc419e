"""`arena verify`, `audit`, `rebuild`, `upgrade` and `token`: what is done to a data folder from outside."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from gateway.cli.failure import EXIT_ERRORS, Failure
from gateway.cli.parameters import ConfigFile, DataFolder, Json

if TYPE_CHECKING:
    from persistence.recovery import Verified


def verify(*, data: DataFolder = Path("data"), json: Json = False) -> int:
    """Replay the log from its first entry and compare it with every snapshot. The arena must not be running.

    Try:
      arena verify --data data --json
    """
    from engine.digest import state_hash
    from persistence import recovery

    _check_folder(data)
    with _explained(data), _progress_bar("replaying", json) as show:
        verified = recovery.verify(data, on_progress=show)
        newest = state_hash(recovery.state_at(data, verified.last_sequence).state)
    verdict = _verdict(verified, newest)
    if json:
        print(msgspec.json.encode(verdict).decode())
    else:
        print(f"sequence {verdict.sequence}\ndigest   {verdict.digest}")
        if verdict.replayed_after:
            print(f"replayed from the base at sequence {verdict.replayed_after}; before it the log is whole")
        print(f"{verdict.snapshots_checked} snapshots and {verdict.hashes_checked} hashes in the log agree with it")
        for warning in verdict.warnings:
            print(f"warning: {warning}")
        if not verdict.equal:
            print(f"the newest snapshot and its tail come to another state: {newest.hex()}")
        print(*verdict.problems or ["all invariants of the state hold"], sep="\n")
    return 0 if verdict.equal and not verdict.problems else EXIT_ERRORS


def audit(*, data: DataFolder = Path("data"), json: Json = False) -> int:
    """Recompute every balance from the journal of transfers, and compare. The arena must not be running.

    Try:
      arena audit --data data --json
    """
    from persistence.audit import audit_folder

    _check_folder(data)
    with _explained(data), _progress_bar("auditing", json):
        audited = audit_folder(data)
    if json:
        print(msgspec.json.encode(audited._asdict()).decode())
    else:
        print(f"{audited.accounts} accounts, {audited.transfers} transfers")
        print(*audited.problems or ["the journal and the engine agree, and every escrow has what it owes"], sep="\n")
    return EXIT_ERRORS if audited.problems else 0


def rebuild(*, data: DataFolder = Path("data"), json: Json = False) -> int:
    """Make the projection (the SQLite history) again from the log. The arena must not be running."""
    from persistence import recovery

    _check_folder(data)
    with _explained(data), _progress_bar("rebuilding", json) as show:
        sequence = recovery.rebuild(data, on_progress=show)
    print(msgspec.json.encode({"sequence": sequence}).decode() if json else f"projection at sequence {sequence}")
    return 0


def prune(
    *,
    yes: Annotated[bool, Parameter(negative="", help="Do it; without this it is only shown.")] = False,
    data: DataFolder = Path("data"),
    json: Json = False,
) -> int:
    """Make a base of the state and the history, and delete the log before it. The arena must not be running.

    What was before the base can no longer be replayed or proved: copy the folder first if that is wanted.

    Try:
      arena prune --data data
      arena prune --data data --yes
    """
    from persistence.prune import prune as prune_folder

    _check_folder(data)
    with _explained(data), _progress_bar("pruning", json):
        pruned = prune_folder(data, apply=yes)
    if json:
        print(msgspec.json.encode(pruned._asdict()).decode())
    else:
        if not pruned.segments:
            print("no segment to delete: the last one always stays")
            return 0
        went = "deleted" if pruned.applied else "would be deleted: do it with --yes"
        print(f"{pruned.segments} segments, {pruned.bytes:,} bytes, until sequence {pruned.sequence}: {went}")
    return 0


def upgrade(
    *,
    yes: Annotated[bool, Parameter(negative="", help="Do it; without this it is only shown.")] = False,
    data: DataFolder = Path("data"),
    json: Json = False,
) -> int:
    """Take over the data folder of an older program that had other rules. The arena must not be running.

    The older program must have been stopped cleanly. There is no way back once the arena has gone on: copy the folder
    first.

    Try:
      arena upgrade --data data
      arena upgrade --data data --yes
    """
    from persistence.upgrade import upgrade as upgrade_folder

    _check_folder(data)
    with _explained(data), _progress_bar("upgrading", json):
        found = upgrade_folder(data, apply=yes)
    if json:
        print(msgspec.json.encode(found._asdict()).decode())
    elif not found.is_needed:
        print(f"nothing to do: {data} is of rules version {found.to_rules}, which this program has")
    else:
        print(
            f"rules version {found.from_rules} until sequence {found.sequence}, then {found.to_rules}\n"
            f"{found.players} players, {found.accounts} accounts, {found.open_positions} open positions"
        )
        print(*found.problems or ["every account keeps its sums, and all invariants of the state hold"], sep="\n")
        if found.problems:
            print("nothing was changed")
        else:
            print("done: start the arena" if found.applied else "nothing was changed: do it with --yes")
    return EXIT_ERRORS if found.problems else 0


def config_apply(
    *,
    yes: Annotated[bool, Parameter(negative="", help="Do it; without this it is only shown.")] = False,
    config: ConfigFile = None,
    data: Annotated[Path | None, Parameter(help="The data folder; that of the configuration if not given.")] = None,
    json: Json = False,
) -> int:
    """Make an arena as its configuration says: instruments, games, offers, and the terms of referrals.

    These are used once, to make an empty arena; when the file is edited later, the next start only warns. This shows
    what differs and, with --yes, writes it into the log: all of it, or nothing. The arena must not be running. Matches
    keep the rules with which they were made, and what only the arena has stays.

    Try:
      arena config apply
      arena config apply --yes
    """
    from gateway.cli.serve import configured_by
    from gateway.core.clock import ClockRefused
    from gateway.presenters.specs import SpecError
    from gateway.process.differences import apply_config

    configured = configured_by(config)
    folder = data or Path(configured.data.directory)
    _check_folder(folder)
    try:
        with _explained(folder), _progress_bar("comparing", json):
            found = apply_config(folder, configured, dry_run=not yes)
    except (SpecError, ClockRefused) as error:
        raise Failure(str(error)) from error
    if json:
        shown = [{"of": each.of, "changes": each.changes} for each in found]
        print(msgspec.json.encode({"applied": yes, "differences": shown}).decode())
        return 0
    for difference in found:
        print(difference.of, *(f"  {change}" for change in difference.changes), sep="\n")
    if not found:
        print("the arena is as the configuration says")
    else:
        print("done" if yes else "nothing was changed: do it with --yes")
    return 0


def token(
    *,
    admin: Annotated[bool, Parameter(negative="", help="For an operator: the admin.* ops.")] = False,
    player: Annotated[int | None, Parameter(help="For the player with this id.")] = None,
    days: Annotated[int, Parameter(help="How long it is valid.")] = 30,
    data: DataFolder = Path("data"),
    json: Json = False,
) -> int:
    """Print an access token for the arena of a data folder. Whoever has it may do what its owner may: keep it secret.

    Try:
      arena token --admin --data data
    """
    from gateway.core.signing_keys import SecretUnusable, keys_in, secret_in
    from gateway.core.tokens import ADMIN, OPERATOR_MADE, Tokens

    if admin == (player is not None):
        raise Failure("say for whom: --admin, or --player ID")
    if days < 1:
        raise Failure("--days must be 1 or more")
    _check_folder(data)
    try:
        tokens = Tokens(secret_in(data), days * 86_400, keys=keys_in(data))
    except SecretUnusable as error:
        raise Failure(str(error)) from error
    session = OPERATOR_MADE + secrets.token_hex(8)
    if player is None:
        token = tokens.issue(0, ADMIN, session=session)
    else:
        token = tokens.issue(player, registration=_registration(data, player), session=session)
    print(msgspec.json.encode({"token": token}).decode() if json else token)
    return 0


def rotate_key(*, data: DataFolder = Path("data"), json: Json = False) -> int:
    """Sign tokens with a new key from now on. An arena that is running takes it within a second.

    Tokens of the key before stay good until it is rotated once more. So do it once for a change of habit; and twice, if
    somebody else may have the key: then all who are signed in sign in again.

    Try:
      arena rotate-key --data data
    """
    from gateway.core.signing_keys import SecretUnusable, rotate_in

    _check_folder(data)
    try:
        made = rotate_in(data)
    except (SecretUnusable, OSError) as error:
        raise Failure(str(error)) from error
    print(msgspec.json.encode({"key": made}).decode() if json else f"key {made} signs from now on")
    return 0


def _registration(data: Path, player: int) -> int:
    """What the player's registration is named by; an arena may be running."""
    from gateway.cli.console import warm_console
    from persistence.registrations import registered_player

    with _explained(data):
        warm_console(quiet=True)
        registered = registered_player(data, player)
    if registered is None:
        raise Failure(f"there is no player {player} in {data}")
    return registered.registration


class Verdict(msgspec.Struct, frozen=True):
    """What a replay from the first entry, or from the oldest base, came to, whether newest snapshot and tail agree, and
    is it sound."""

    sequence: int
    replayed_after: int
    digest: str
    equal: bool
    batches: int
    chain: str
    hashes_checked: int
    snapshots_checked: int
    torn_bytes: int
    warnings: list[str]
    problems: list[str]


def _verdict(verified: Verified, newest: bytes) -> Verdict:
    return Verdict(
        verified.last_sequence,
        verified.replayed_after,
        verified.state_hash.hex(),
        newest == verified.state_hash,
        verified.batches,
        verified.chain.hex(),
        verified.hashes_checked,
        verified.snapshots_checked,
        verified.torn_bytes,
        verified.warnings,
        verified.problems,
    )


def _check_folder(data: Path) -> None:
    if not (data / "log").is_dir():
        raise Failure(f"there is no arena in {data}: name its folder with --data")


@contextmanager
def _explained(data: Path) -> Iterator[None]:
    """What can be wrong with a data folder, in one line."""
    from persistence.data_lock import DataFolderInUse
    from persistence.log import LogBehind, LogFailed
    from persistence.projection import ProjectionUnreadable
    from persistence.prune import NotPrunable
    from persistence.recovery import HistoriesDiffer, RebuildFailed
    from persistence.segments import LogCorrupt, RulesDiffer
    from persistence.snapshot import SnapshotBad
    from persistence.upgrade import NotUpgradable

    try:
        yield
    except DataFolderInUse as error:
        raise Failure(f"{error}: stop it first") from error
    except (
        LogCorrupt, LogBehind, LogFailed, RulesDiffer, HistoriesDiffer, SnapshotBad, NotUpgradable, NotPrunable,
        RebuildFailed, ProjectionUnreadable, sqlite3.Error, OSError,
    ) as error:  # fmt: skip
        raise Failure(f"{data}: {error}", EXIT_ERRORS) from error


@contextmanager
def _progress_bar(what: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, after the kernels are warm."""
    from rich.progress import Progress

    from gateway.cli.console import warm_console

    console = warm_console(quiet)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what)
        yield lambda done, total: progress.update(task, completed=done, total=total)
