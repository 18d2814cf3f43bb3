# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a module's options to its end: the only place that builds a client, and that exits."""

from __future__ import annotations

import contextlib
import functools
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.common.validation import check_type_dict

from ansible_collections.edgeops.cloudflare.plugins.module_utils import _arguments, _requests
from ansible_collections.edgeops.cloudflare.plugins.module_utils._client import Client
from ansible_collections.edgeops.cloudflare.plugins.module_utils._destination import (
    DESTINATION_CONF,
    Destination,
    without_secrets,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    InvalidInput,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush import Logpush, Scope
from ansible_collections.edgeops.cloudflare.plugins.module_utils._retries import Sender
from ansible_collections.edgeops.cloudflare.plugins.module_utils._transport import Transport
from ansible_collections.edgeops.cloudflare.plugins.module_utils._version import VERSION

# A shorter value also turns up where it is no secret; masking it would wreck ordinary output.
SHORTEST_MASKED = 8
_SECRET_OPTIONS = ("api_token", "api_key", DESTINATION_CONF, "ownership_challenge")

Params = dict[str, t.Any]
Result = dict[str, t.Any]


def execute(
    run: t.Callable[[Params, Logpush], Result],
    argument_spec: Params,
    *,
    required_one_of: t.Sequence[t.Sequence[str]] = (),
    api_names: t.Mapping[str, t.Mapping[str, str]] | None = None,
) -> None:
    """Run a module: ``run`` gets the options and the API of their scope, and returns a result.

    ``argument_spec`` holds the module's own options, of which ``required_one_of`` is said; those
    of connection and scope are added. ``api_names`` says by which other names suboptions of an
    option go. ``warnings`` and ``diff`` in a result are Ansible's own.
    """
    module = _module_class(api_names or {})(
        argument_spec={**_arguments.CONNECTION, **_arguments.SCOPE, **argument_spec},
        mutually_exclusive=[("zone_id", "account_id")],
        required_one_of=[("zone_id", "account_id"), *required_one_of],
        supports_check_mode=True,
    )
    if _requests.IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("requests"), exception=_requests.IMPORT_ERROR)
    # Ansible knows of the options that are secret; a secret inside an option it has to be told.
    _conceal(module, _inner_secrets(module.params))
    try:
        result = run(module.params, _logpush(module))
    except CloudflareError as error:
        module.fail_json(msg=error.message, **error.values)
    for warning in result.pop("warnings", ()):
        # Newer versions of Ansible mask whatever is returned, but for the warnings.
        module.warn(_masked(module, warning))
    if not module._diff:
        result.pop("diff", None)
    module.exit_json(**result)


def _module_class(api_names: t.Mapping[str, t.Mapping[str, str]]) -> type[AnsibleModule]:
    """Return an AnsibleModule that takes suboptions by the API's own names too.

    An alias would do, if Ansible's sanity tests allowed for one that is no Python identifier.
    """

    class Module(AnsibleModule):  # type: ignore[misc]
        """Renames before the options are checked."""

        def _load_params(self) -> None:
            super()._load_params()
            _conceal(self, _misspelt(self.params, self.argument_spec))
            for option, names in api_names.items():
                # What is no dictionary is Ansible's to refuse.
                with contextlib.suppress(TypeError):
                    given = check_type_dict(self.params.get(option))
                    for name, ours in names.items():
                        if name in given and ours not in given:
                            given[ours] = given.pop(name)
                    self.params[option] = given

    return Module


def _misspelt(params: Params, known: t.Container[str]) -> t.Iterator[str]:
    """Yield what unknown options hold: Ansible shows it, and one of them may be a secret's."""
    for option, value in params.items():
        if option not in known and not option.startswith("_ansible_"):
            yield str(value)


def _conceal(module: AnsibleModule, secrets: t.Iterable[str]) -> None:
    module.no_log_values.update(secret for secret in secrets if len(secret) >= SHORTEST_MASKED)


def _masked(module: AnsibleModule, text: str) -> str:
    """Mask the secrets that are known by their value, and any others in a URI by its structure."""
    return without_secrets(str(remove_values(text, module.no_log_values)))


def _logpush(module: AnsibleModule) -> Logpush:
    params: Params = module.params

    scope = Scope.of(params["zone_id"], params["account_id"])
    sender = Sender(
        Transport(
            base_url=params["base_url"],
            auth=_arguments.authentication(params),
            user_agent=f"ansible-edgeops.cloudflare/{VERSION}",
            verify=_arguments.verification(params),
        ),
        timeout=_arguments.seconds(params, "timeout", least=0.1),
        rate_limit_retry_timeout=_arguments.seconds(params, "rate_limit_retry_timeout", least=0),
    )
    client = Client(sender, mask=functools.partial(_masked, module), dry_run=module.check_mode)
    return Logpush(client, scope, conceal=functools.partial(_conceal, module))


def _inner_secrets(params: Params) -> set[str]:
    # As they are sent: without white space around, and as a text if they were given as none.
    secrets = {str(params.get(option) or "").strip() for option in _SECRET_OPTIONS}
    for option in (DESTINATION_CONF, "base_url"):
        with contextlib.suppress(InvalidInput):
            secrets |= Destination.parse(params.get(option) or "").secrets()
    return secrets - {params["base_url"]}
