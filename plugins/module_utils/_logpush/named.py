# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account has under names that need not be unique, such as transformers.

Found by id or name, and after a lost response; a second one of the same name is reported.
"""

from __future__ import annotations

import typing as t

from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
    RequestError,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.lost_response import (
    look_for,
    lost_error,
    may_be_applied,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.resources import Scope

Result = dict[str, t.Any]
Names = t.Collection[str]


class Named(t.Protocol):
    """One of them."""

    @property
    def id(self) -> t.Any:
        """What alone identifies it."""

    @property
    def name(self) -> str:
        """The name."""


_T = t.TypeVar("_T", bound=Named)


class NamedResources(t.Generic[_T]):
    """All of one kind in an account; ``noun`` names the kind.

    ``read`` lists them, ``get`` returns the one with an id, ``differences`` by name where one
    differs from the desired state.
    """

    def __init__(
        self,
        noun: str,
        scope: Scope,
        *,
        read: t.Callable[[], t.Sequence[_T]],
        get: t.Callable[[t.Any], _T | None],
        differences: t.Callable[[_T], Names],
    ) -> None:
        self.noun = noun
        self.scope = scope
        self._read = read
        self._get = get
        self._differences = differences
        self._run_again = (
            "The request may still be in progress, so wait before rerunning the task, which looks "
            f"for the {noun} first"
        )

    def unknown_id(self, identifier: t.Any) -> InvalidInput:
        """Return the error for an id that none has."""
        return InvalidInput(
            "id",
            f"there is no {self.noun} {identifier} in {self.scope}; Cloudflare assigns the id of a "
            f"new {self.noun}, so omit id and set name",
        )

    def find_by_name(self, name: str | None, found: t.Iterable[_T]) -> _T | None:
        """Return the one of this name; raise ``CloudflareError`` where there are several."""
        named = [each for each in found if each.name == name]
        if len(named) > 1:
            ids = sorted(each.id for each in named)
            raise CloudflareError(
                f"name: {len(named)} {self.noun}s in {self.scope} have the name '{name}' "
                f"(ids: {_listed(ids)}); set id to the intended one",
                {"ids": ids},
            )
        return named[0] if named else None

    def check_removable(self, actual: _T, name: str | None) -> None:
        """Raise ``InvalidInput`` where the one found by its id has another name."""
        if name not in (None, actual.name):
            raise InvalidInput(
                "name", f"{self.noun} {actual.id} has '{actual.name}'; it was not removed"
            )

    def written_after(
        self,
        lost: RequestError,
        result: Result,
        *,
        name: str | None,
        updated: t.Any,
        known: t.Collection[t.Any],
    ) -> _T:
        """Return the one that was written though the response was lost, or raise why not.

        ``updated`` is the id of the one to change, None where one was to be created beside those
        that are ``known`` by their ids.
        """
        if not may_be_applied(lost):
            raise lost
        found = self._updated(lost, updated) if updated else self._created(lost, name, known)
        self._note(lost, result, f"it was applied: {self.noun} {found.id} is in the desired state")
        return found

    def _updated(self, lost: RequestError, identifier: t.Any) -> _T:
        def as_desired() -> _T | None:
            found = self._get(identifier)
            return None if found is None or self._differences(found) else found

        found = look_for(lost, as_desired, self._run_again)
        if found is None:
            raise lost_error(
                lost, f"{self.noun} {identifier} is not in the desired state. {self._run_again}"
            )
        return found

    def _created(self, lost: RequestError, name: str | None, known: t.Collection[t.Any]) -> _T:
        def new_ones() -> list[_T]:
            return [each for each in self._read() if each.name == name and each.id not in known]

        created = look_for(lost, new_ones, self._run_again) or []
        ids = [each.id for each in created]
        if not ids:
            raise lost_error(
                lost,
                f"the {self.noun} was not found afterwards, so it seems not to have been created. "
                f"{self._run_again}",
                ids=ids,
            )
        if len(ids) > 1:
            raise lost_error(
                lost,
                f"afterwards there were {len(ids)} new {self.noun}s of that name (ids: "
                f"{_listed(ids)}); remove all but one",
                ids=ids,
            )
        names = sorted(self._differences(created[0]))
        if names:
            raise lost_error(
                lost,
                f"afterwards there was a new {self.noun} of that name, {ids[0]}, but it differs "
                f"in {', '.join(names)}, so something else may have created it",
                ids=ids,
            )
        return created[0]

    def check_removed(
        self, error: RequestError, identifier: t.Any, result: Result, *, unknown: bool = False
    ) -> None:
        """Accept that one no longer exists though its removal was not confirmed, or raise.

        ``unknown``: the error is that there is none with this id, so that it may be gone too.
        """
        if not unknown and not may_be_applied(error):
            raise error

        if not look_for(error, lambda: self._get(identifier) is None, self._run_again):
            if unknown:
                raise error
            raise lost_error(error, f"{self.noun} {identifier} still exists. {self._run_again}")
        if not unknown:
            self._note(error, result, f"{self.noun} {identifier} no longer exists")

    def verify_unique(
        self,
        identifier: t.Any,
        name: str | None,
        values: t.Mapping[str, t.Any],
        update: t.Callable[[_T], None] = lambda created: None,
    ) -> None:
        """List all again, since another run may have created one of this name too.

        ``update`` gets the created one as Cloudflare shows it. Raise ``CloudflareError`` with
        ``values`` where there is another one, or where that cannot be seen.
        """
        try:
            named = [each for each in self._read() if each.name == name]
        except CloudflareError as error:
            raise CloudflareError(
                f"{self.noun} {identifier} was created, but whether it is the only one named "
                f"'{name}' could not be verified: {error.message}. Rerun the task",
                {**error.values, **values},
            ) from error
        for each in named:
            if each.id == identifier:
                update(each)
        ids = sorted({identifier, *(each.id for each in named)})
        others = [each for each in ids if each != identifier]
        if others:
            raise CloudflareError(
                f"{len(ids)} {self.noun}s in {self.scope} are named '{name}' (ids: "
                f"{_listed(ids)}): this task created {self.noun} {identifier}, and something else, "
                f"such as an overlapping run, created {_listed(others)}. Remove all but one "
                "(state: absent with its id), and do not let runs for the same account overlap",
                {**values, "ids": ids},
            )

    @staticmethod
    def _note(error: RequestError, result: Result, found: str) -> None:
        result["response_lost"] = True
        result["warnings"].append(f"{error.message}, but {found}")


def result_of(noun: str, action: str, described: t.Any, changes: t.Iterable[str] = ()) -> Result:
    """Return what a module returns; ``described`` is the resource."""
    return {
        "changed": action != "none",
        "action": action,
        "changes": list(changes),
        noun: described,
        "response_lost": False,
        "warnings": [],
    }


def _listed(ids: t.Iterable[t.Any]) -> str:
    return ", ".join(map(str, ids))
