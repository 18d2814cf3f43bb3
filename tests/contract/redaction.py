# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes out of a report what it must not contain."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import quote

from .settings import Settings

# In errors of AWS: they name the account and the user.
_ARN = re.compile(r"\barn:aws[\w-]*:[^\s\"]+")
_TOKEN = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]+")


class Redactor:
    """Credentials, identifiers and the bucket of these settings, and all tokens."""

    def __init__(self, settings: Settings) -> None:
        secrets, places = settings.secrets(), settings.places()
        for value, name in list(secrets.items()):
            secrets.setdefault(quote(value, safe=""), name)
        self._names = {**places, **secrets}
        # A bucket may be called by an ordinary word: only where it stands alone.
        whole = f"(?<![\\w-])(?:{_either(places)})(?![\\w-])"
        self._values = re.compile("|".join([_either(secrets), *([whole] if places else [])]))

    def text(self, text: str) -> str:
        """A text without them."""
        text = _ARN.sub("<arn>", _TOKEN.sub("<token>", text))
        return self._values.sub(lambda match: self._names[match[0]], text)

    def value(self, value: t.Any) -> t.Any:
        """A value of JSON without them, in keys too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(name)): self.value(each) for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(each) for each in value]
        return value


def _either(values: t.Iterable[str]) -> str:
    # The longest first: one may be part of another.
    return "|".join(map(re.escape, sorted(values, key=len, reverse=True)))
