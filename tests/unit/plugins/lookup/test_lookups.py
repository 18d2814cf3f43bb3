# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookups of the playbooks, with Ansible's own templates."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19 any text may be a template

    def trust_as_template(value: str) -> str:
        """Return a text that is a template."""
        return value


SECRET = "NobodyShallSeeThisOne"
R2 = f"r2://edge-logs/x?secret-access-key={SECRET}&account-id="


class HostVars:
    """The variables of hosts, as Ansible has them."""

    def __init__(self, hosts: dict[str, dict[str, t.Any]]) -> None:
        self._hosts = hosts

    def raw_get(self, name: str) -> dict[str, t.Any]:
        """Return them without templating."""
        return {"inventory_hostname": name, **self._hosts[name]}


def trusted(value: t.Any) -> t.Any:
    """Return variables as Ansible reads them from a file."""
    if isinstance(value, dict):
        return {key: trusted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [trusted(each) for each in value]
    return trust_as_template(value) if isinstance(value, str) else value


def look_up(
    name: str,
    *terms: str,
    hosts: dict[str, dict[str, t.Any]] | None = None,
    play: dict[str, t.Any] | None = None,
    **options: t.Any,
) -> list[t.Any]:
    """Run a lookup in a play on ``terms``; the first of them is the host of the task."""
    hostvars = HostVars(trusted(hosts or {terms[0]: {}}))
    first = next(iter(hosts or terms))
    variables = {**hostvars.raw_get(first), **trusted(play or {}), "hostvars": hostvars}
    loader = DataLoader()
    templar = Templar(loader=loader, variables=variables)
    plugin = lookup_loader.get(f"edgeops.cloudflare.{name}", loader=loader, templar=templar)
    return list(plugin.run(list(terms), variables=variables, **options))


def jobs_of(hosts: dict[str, dict[str, t.Any]], **play: t.Any) -> list[dict[str, t.Any]]:
    """Return the jobs of hosts that are zones."""
    return look_up("logpush_jobs_of_hosts", *hosts, hosts=hosts, play=play, zones=True)


def test_jobs_are_in_the_order_of_the_hosts_and_of_their_lists() -> None:
    hosts = {
        "b": {"zone_id": "B\n", "logpush_jobs": [{"name": "1"}, {"name": "2", "zone_id": "C"}]},
        "idle": {"zone_id": "I"},
        "a": {
            "zone_id": "{{ 'A' }}",
            "logpush_jobs": "{{ one + [{'account_id': 'X'}] }}",
            "one": [{"id": 1}],
        },
    }
    assert jobs_of(hosts) == [  # type: ignore[arg-type]
        {"host": "b", "zone_id": "B", "name": "1"},
        {"host": "b", "zone_id": "C", "name": "2"},
        {"host": "a", "zone_id": "A", "id": 1},
        {"host": "a", "account_id": "X"},
    ]


def test_the_list_of_the_play_is_the_default_of_each_host() -> None:
    hosts = {
        "b": {"zone_id": "B", "zone_name": "b.example"},
        "a": {"zone_id": "A", "zone_name": "a.example"},
        "own": {"zone_id": "O", "logpush_jobs": []},
    }
    entry = {"name": "x", "destination_conf": "r2://{{ bucket }}/{{ zone_name }}\n"}
    found = jobs_of(hosts, bucket="logs", logpush_jobs=[entry])  # type: ignore[arg-type]
    assert [(each["zone_id"], each["destination_conf"]) for each in found] == [
        ("B", "r2://logs/b.example"),
        ("A", "r2://logs/a.example"),
    ]


def test_a_plain_list_is_returned_as_it_is_without_null() -> None:
    options = {"field_names": ["a"], "sample_rate": 0.5, "timestamp_format": None}
    entry = {"zone_id": "Z", "account_id": None, "enabled": True, "output_options": options}
    found = look_up("logpush_jobs_of_hosts", "localhost", play={"logpush_jobs": [entry]})
    assert found == [{"zone_id": "Z", "enabled": True, "output_options": options}]


@pytest.mark.parametrize(
    ("jobs", "says"),
    [
        (
            [{"name": "x"}, {"destination_conf": R2 + "{{ r2_acount }}"}],
            r"^logpush_jobs\[1\]\.destination_conf of a: 'r2_acount' is undefined$",
        ),
        (
            [{"destination_conf": R2 + "{{ keys.id }}"}],
            r"^logpush_jobs\[0\]\.destination_conf of a: the attribute 'id' is undefined$",
        ),
        (
            "{{ [{'destination_conf': secret ~ missing}] }}",
            r"^logpush_jobs of a: 'missing' is undefined$",
        ),
        ([{"name": "{{ nested }}"}], r"^logpush_jobs\[0\]\.name of a: 'deep' is undefined$"),
        ([{"name": "{{ lookup('file', secret) }}"}], r"^logpush_jobs\[0\]\.name of a: "),
        ([{"name": "{{ secret | no_such_filter }}"}], r"^logpush_jobs\[0\]\.name of a: "),
        ([{"name": "{{ secret"}], r"^logpush_jobs\[0\]\.name of a: a template cannot be resolved"),
        ("text", r"^logpush_jobs of a must be a list of jobs, each a dictionary$"),
        ([1], r"^logpush_jobs of a must be a list of jobs, each a dictionary$"),
        (None, r"^logpush_jobs of a must be a list of jobs, each a dictionary$"),
        ({"name": "x"}, r"^logpush_jobs of a must be a list of jobs, each a dictionary$"),
    ],
)
def test_an_unresolvable_template_is_an_error_that_shows_no_value(jobs: t.Any, says: str) -> None:
    of_a = {"logpush_jobs": jobs, "secret": SECRET, "keys": {}, "nested": SECRET + "{{ deep }}"}
    with pytest.raises(AnsibleError, match=says) as caught:
        jobs_of({"b": {"logpush_jobs": [{"name": "fine"}]}, "a": of_a})
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in str(error)
        error = error.__cause__ or error.__context__


def test_omitted_values_are_left_out() -> None:
    frequency = "{{ slow | default(omit) }}"
    entry = {"name": "a", "frequency": frequency, "output_options": {"sample_rate": frequency}}
    hosts = {"a": {"zone_id": "A", "logpush_jobs": [{**entry, "zone_id": "{{ omit }}"}]}}
    # Before ansible-core 2.19 it is a variable.
    (job,) = jobs_of(hosts, omit="__omit_place_holder__1")
    assert job == {"name": "a", "output_options": {}, "zone_id": "A", "host": "a"}


def test_an_entry_that_is_omit_is_an_error() -> None:
    hosts = {"a": {"zone_id": "A", "logpush_jobs": [{"name": "a"}, "{{ omit }}"]}}
    with pytest.raises(AnsibleError, match="has 2 entries, and 1 after"):
        jobs_of(hosts, omit="__omit_place_holder__1")


def test_no_list_at_all_is_an_error_that_says_what_to_set() -> None:
    with pytest.raises(AnsibleError, match=r"^logpush_jobs is not set; set it to a list"):
        jobs_of({"a": {}, "b": {}})
    assert jobs_of({"a": {"logpush_jobs": []}}) == []
    # Another batch has it.
    hosts = {"a": {}, "b": {"logpush_jobs": []}}  # type: ignore[var-annotated]
    play = {"ansible_play_hosts_all": ["a", "b"]}
    assert look_up("logpush_jobs_of_hosts", "a", hosts=hosts, play=play) == []


def test_a_variable_is_returned_without_the_line_break_at_its_end() -> None:
    play = {"one": "{{ two }}\n", "two": "x", "three": {"four": "{{ two }}\n"}}
    assert look_up("logpush_variable", "one", play=play) == ["x"]
    assert look_up("logpush_variable", "three", play=play) == [{"four": "x\n"}]
    assert look_up("logpush_variable", "none", play=play) == [None]


def test_a_variable_that_is_required_or_cannot_be_resolved_is_named() -> None:
    for play in ({}, {"conf": ""}, {"conf": None}):
        with pytest.raises(AnsibleError, match=r"^conf is not set$"):
            look_up("logpush_variable", "conf", play=play, required=True)
    with pytest.raises(AnsibleError, match=r"^conf: 'key' is undefined$"):
        look_up("logpush_variable", "conf", play={"conf": SECRET + "{{ key }}"})
