# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sandbox, as Cloudflare's own SDK sees it: it decodes each response strictly."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job import (
    JOB,
    OUTPUT_OPTIONS,
    with_option_names,
)
from ansible_collections.edgeops.cloudflare.plugins.module_utils._logpush.job_values import KNOWN
from e2e.playbooks import World
from sandbox import datasets

cloudflare = pytest.importorskip("cloudflare", reason="these tests need Cloudflare's SDK")

from cloudflare.types.logpush import (
    LogpushJob,
    OutputOptions,
    job_create_params,
    job_update_params,
)

R2 = "r2://edge-logs/http?account-id=a&access-key-id=AKIAEXAMPLEKEY01&secret-access-key=S3CRET"
SCOPES = ("zone_id", "account_id")
FILTER = '{"where":{"key":"QueryName","operator":"eq","value":"example.com"}}'


@pytest.fixture(name="sdk", params=["token", "key"])
def fixture_sdk(world: World, request: pytest.FixtureRequest) -> t.Iterator[t.Any]:
    """Return the SDK, with a token or with an e-mail address and a key."""
    env = world.environment
    if request.param == "token":
        credential = {"api_token": env["CLOUDFLARE_API_TOKEN"]}
    else:
        credential = {"api_email": env["SANDBOX_API_EMAIL"], "api_key": env["SANDBOX_API_KEY"]}
    client = cloudflare.Cloudflare(
        base_url=env["CLOUDFLARE_BASE_URL"],
        max_retries=0,
        _strict_response_validation=True,
        **credential,
    )
    with client:
        yield client


@pytest.fixture(name="scope", params=SCOPES)
def fixture_scope(world: World, request: pytest.FixtureRequest) -> dict[str, str]:
    """Return whose jobs they are."""
    return {request.param: world.environment[f"SANDBOX_{request.param.upper()}"]}


@pytest.fixture(name="dataset")
def fixture_dataset(scope: dict[str, str]) -> str:
    """Return a dataset of the scope."""
    return "dns_logs" if "zone_id" in scope else "gateway_dns"


def test_ownership_is_proved(world: World, sdk: t.Any, scope: dict[str, str]) -> None:
    world.control("PATCH", "settings", {"challenge_file": "same"})
    destination = world.environment["SANDBOX_DESTINATION_CONF"]
    challenge = sdk.logpush.ownership.create(destination_conf=destination, **scope)
    assert (challenge.valid, challenge.message) == (True, "")
    assert challenge.filename.endswith("/ownership-challenge.txt")
    asked = {"destination_conf": destination, **scope}
    token = world.control("POST", "tokens", asked)["token"]
    verdict = sdk.logpush.ownership.validate(
        destination_conf=destination, ownership_challenge=token, **scope
    )
    assert verdict.valid is True
    with pytest.raises(cloudflare.BadRequestError, match="incorrect ownership challenge"):
        sdk.logpush.ownership.validate(
            destination_conf=destination, ownership_challenge="wrong", **scope
        )


def test_a_destination_is_validated(world: World, sdk: t.Any, scope: dict[str, str]) -> None:
    destination = world.environment["SANDBOX_DESTINATION_CONF"]
    tried = sdk.logpush.validate.destination(destination_conf=destination, **scope)
    assert (tried.valid, tried.message) == (True, "")
    missing = "s3://no-such-bucket/x?region=us-east-1"
    tried = sdk.logpush.validate.destination(destination_conf=missing, **scope)
    assert (tried.valid, "NoSuchBucket" in tried.message) == (False, True)
    found = sdk.logpush.validate.destination_exists(destination_conf=destination, **scope)
    assert found.exists is False


def test_a_dataset_has_fields_and_jobs(sdk: t.Any, scope: dict[str, str], dataset: str) -> None:
    fields = sdk.logpush.datasets.fields.get(dataset, **scope)
    assert "QueryName" in fields
    assert list(sdk.logpush.datasets.jobs.get(dataset, **scope)) == []
    job = sdk.logpush.jobs.create(destination_conf=R2, dataset=dataset, **scope)
    assert [each.id for each in sdk.logpush.datasets.jobs.get(dataset, **scope)] == [job.id]


def test_a_job_is_created_updated_and_removed(
    sdk: t.Any, scope: dict[str, str], dataset: str
) -> None:
    jobs = sdk.logpush.jobs
    assert list(jobs.list(**scope)) == []
    least = jobs.create(destination_conf=R2, dataset=dataset, **scope)
    assert least.to_dict(exclude_unset=True) == {
        "id": least.id,
        "dataset": dataset,
        "destination_conf": R2,
        "enabled": False,
        "name": "",
        "output_options": None,
        "error_message": None,
        "last_complete": None,
        "last_error": None,
    }
    given = {
        "name": "full",
        "enabled": True,
        "filter": FILTER,
        "frequency": "low",
        "max_upload_bytes": 5_000_000,
        "max_upload_interval_seconds": 30,
        "max_upload_records": 1000,
        "output_options": {
            "CVE-2021-44228": True,
            "field_names": ["QueryName"],
            "output_type": "csv",
            "record_prefix": "",
            "sample_rate": 0.5,
            "timestamp_format": "rfc3339",
        },
    }
    full = jobs.create(destination_conf=R2, dataset=dataset, **scope, **given)
    assert full.to_dict(exclude_unset=True).items() >= given.items()
    assert [each.id for each in jobs.list(**scope)] == [least.id, full.id]
    assert jobs.get(full.id, **scope) == full
    changed = jobs.update(full.id, enabled=False, filter=None, max_upload_records=0, **scope)
    shown = changed.to_dict(exclude_unset=True)
    assert not {"filter", "max_upload_records"} & shown.keys()
    assert (shown["enabled"], shown["output_options"]) == (False, given["output_options"])
    assert jobs.delete(full.id, **scope).id == full.id
    with pytest.raises(cloudflare.NotFoundError, match="job not found"):
        jobs.get(full.id, **scope)


def test_refusals_are_those_of_the_api(world: World, sdk: t.Any) -> None:
    zone = {"zone_id": world.zone_id}
    with pytest.raises(cloudflare.PermissionDeniedError, match="is not allowed") as caught:
        sdk.logpush.jobs.create(destination_conf=R2, dataset="audit_logs", **zone)
    assert [error.code for error in caught.value.errors] == [1004]
    world.control("PATCH", "settings", {"jobs_per_zone": "4"})
    for _turn in range(4):
        sdk.logpush.jobs.create(destination_conf=R2, **zone)
    with pytest.raises(cloudflare.PermissionDeniedError, match="exceeded max jobs allowed"):
        sdk.logpush.jobs.create(destination_conf=R2, **zone)


def test_zones_are_listed(world: World, sdk: t.Any) -> None:
    assert {zone.id for zone in sdk.zones.list()} >= {world.zone_id}
    assert sdk.zones.get(zone_id=world.zone_id).name == "sandbox.example"


def test_notification_policies_are_kept(world: World, sdk: t.Any) -> None:
    account = {"account_id": world.environment["SANDBOX_ACCOUNT_ID"]}
    policies = sdk.alerting.policies
    assert list(policies.list(**account)) == []
    alert = "failing_logpush_job_disabled_alert"
    webhook = "b115d5ec15c641ee8b7692c449b5227b"
    made = policies.create(
        name="failing jobs",
        alert_type=alert,
        enabled=True,
        mechanisms={"email": [{"id": "ops@example.com"}], "webhooks": [{"id": webhook}]},
        **account,
    )
    changed = policies.update(made.id, enabled=False, description="why", **account)
    assert changed.id == made.id
    policy = policies.get(made.id, **account)
    assert [each.id for each in policies.list(**account)] == [policy.id]
    assert (policy.name, policy.alert_type, policy.enabled) == ("failing jobs", alert, False)
    assert (policy.description, policy.modified > policy.created) == ("why", True)
    assert [each.id for each in policy.mechanisms.email] == ["ops@example.com"]
    assert [each.id for each in policy.mechanisms.webhooks] == [webhook]
    assert policies.delete(made.id, **account).success is True
    with pytest.raises(cloudflare.NotFoundError, match="policy not found"):
        policies.get(made.id, **account)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": ""}, "invalid policy: name: '' should be non-empty"),
        ({"name": None}, "'name' is a required property"),
        ({"mechanisms": {}}, "at least one"),
        ({"mechanisms": {"email": []}}, "at least one"),
        ({"mechanisms": {"pigeon": [{"id": "x"}]}}, "mechanisms: .*'pigeon' was unexpected"),
        (
            {"mechanisms": {"email": [{"id": "nobody"}]}},
            "mechanisms: email: 0: id: 'nobody' does not match",
        ),
        (
            {"mechanisms": {"webhooks": [{"id": "x"}]}},
            "mechanisms: webhooks: 0: id: 'x' does not match",
        ),
    ],
)
def test_a_wrong_notification_policy_is_rejected(
    world: World, sdk: t.Any, wrong: dict[str, t.Any], message: str
) -> None:
    given = {"name": "n", "mechanisms": {"email": [{"id": "ops@example.com"}]}} | wrong
    with pytest.raises(cloudflare.BadRequestError, match=message):
        sdk.alerting.policies.create(
            account_id=world.environment["SANDBOX_ACCOUNT_ID"],
            alert_type="failing_logpush_job_disabled_alert",
            enabled=True,
            **given,
        )


def test_notification_policies_need_a_permission(world: World, sdk: t.Any) -> None:
    world.control("PATCH", "settings", {"notifications": "read"})
    account = {"account_id": world.environment["SANDBOX_ACCOUNT_ID"]}
    assert list(sdk.alerting.policies.list(**account)) == []
    with pytest.raises(cloudflare.PermissionDeniedError, match="Authentication error"):
        sdk.alerting.policies.delete("0" * 32, **account)


def members(model: t.Any) -> set[str]:
    """Return what a model of the SDK has, by the API's names."""
    return {field.alias or name for name, field in model.model_fields.items()}


def parameters(params: t.Any) -> set[str]:
    """Return what a call of the SDK takes, but for the scope."""
    return set(params.__annotations__) - set(SCOPES)


STATE = {"error_message", "last_complete", "last_error"}


def test_the_sdk_has_no_dataset_that_the_sandbox_lacks() -> None:
    annotation = LogpushJob.model_fields["dataset"].annotation
    known = {name for each in t.get_args(annotation) for name in t.get_args(each)}
    assert len(known) > 30
    assert known == set(datasets.SCOPES) == set(KNOWN["dataset"])


def test_the_sdk_has_no_property_of_a_job_that_the_modules_lack() -> None:
    known = set(JOB)
    created = parameters(job_create_params.JobCreateParams)
    changed = parameters(job_update_params.JobUpdateParams)
    assert {"destination_conf", "dataset", "kind"} <= created
    assert created | changed | members(LogpushJob) <= known | STATE
    assert created - changed == {"dataset"}


def test_the_sdk_has_no_output_option_that_the_modules_lack() -> None:
    options = members(OutputOptions)
    assert len(options) > 10
    assert set(with_option_names(dict.fromkeys(options))) <= set(OUTPUT_OPTIONS)
