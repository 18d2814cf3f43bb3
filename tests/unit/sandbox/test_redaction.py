# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What answers show of a job's destination and filter."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("flask", reason="the sandbox needs flask")
pytest.importorskip("jwt", reason="the sandbox needs PyJWT")

from sandbox.redaction import redacted

R2 = "r2://b/?region=r&access-key-id=AKIAEXAMPLE&secret-access-key=top+secret&sse=AES256"
FORMS = {
    "masked": "r2://b/?region=r&access-key-id=REDACTED&secret-access-key=REDACTED&sse=AES256",
    "stars": "r2://b/?region=r&access-key-id=AKIA****&secret-access-key=top+****&sse=AES256",
    "removed": "r2://b/?region=r&sse=AES256",
    "whole": "***",
    "plain": R2,
}


def answers(api: Any) -> list[Any]:
    """The same job in all answers that show it."""
    return [
        api.create(R2),
        api.result(api.call("GET", "jobs/1")),
        api.result(api.call("GET", "jobs"))[0],
        api.result(api.call("GET", "datasets/http_requests/jobs"))[0],
        api.result(api.call("PUT", "jobs/1", {"name": ""})),
    ]


def test_a_destination_is_shown_as_it_is_unless_told_otherwise(api: Any) -> None:
    assert {job["destination_conf"] for job in answers(api)} == {R2}


@pytest.mark.parametrize("how", FORMS)
def test_a_setting_says_how(api: Any, how: str) -> None:
    api.settings(redaction=how)
    assert {job["destination_conf"] for job in answers(api)} == {FORMS[how]}
    assert api.jobs()[0]["destination_conf"] == R2


def test_a_destination_can_be_left_out(api: Any) -> None:
    api.settings(redaction="omitted")
    for job in answers(api):
        assert "destination_conf" not in job
    assert api.jobs()[0]["destination_conf"] == R2


def test_a_filter_can_be_left_out(api: Any) -> None:
    assert api.create(R2, filter='{"where":{}}')["filter"] == '{"where":{}}'
    api.settings(filter_in_answers="left_out")
    for response in (api.call("GET", "jobs/1"), api.call("PUT", "jobs/1", {})):
        assert "filter" not in api.result(response)
    assert "filter" not in api.result(api.call("GET", "jobs"))[0]
    assert api.jobs()[0]["filter"] == '{"where":{}}'


def test_a_masked_destination_that_is_sent_back_is_another_one(api: Any) -> None:
    api.settings(redaction="masked")
    shown = api.create(R2)["destination_conf"]
    api.call("PUT", "jobs/1", {"destination_conf": shown})
    assert api.jobs()[0]["destination_conf"] == shown


@pytest.mark.parametrize(
    ("destination", "masked", "stars", "removed"),
    [
        (
            "azure://a.blob.core.windows.net/c/?sv=1&st=2&se=3&sp=w&spr=https&sr=b&sig=a%2Bb%3D",
            "azure://a.blob.core.windows.net/c/?sv=1&st=2&se=3&sp=w&spr=https&sr=b&sig=REDACTED",
            "azure://a.blob.core.windows.net/c/?sv=1&st=2&se=3&sp=w&spr=https&sr=b&sig=a%2B****",
            "azure://a.blob.core.windows.net/c/?sv=1&st=2&se=3&sp=w&spr=https&sr=b",
        ),
        (
            "sumo://h.sumologic.com/receiver/v1/http/ZaVnC4dh/aV3==",
            "sumo://h.sumologic.com/receiver/v1/http/REDACTED",
            "sumo://h.sumologic.com/receiver/v1/http/ZaVn****",
            "sumo://h.sumologic.com/receiver/v1/http/",
        ),
        (
            "SUMO://h.sumologic.com/collectors/ZaVnC4dh?x",
            "SUMO://h.sumologic.com/REDACTED?REDACTED",
            "SUMO://h.sumologic.com/coll****?x****",
            "SUMO://h.sumologic.com/",
        ),
        (
            "datadog://h/v2?header_DD-API-KEY=abcdefgh&ddsource=c&service=s&hostname=h&ddtags=t:1",
            "datadog://h/v2?header_DD-API-KEY=REDACTED&ddsource=c&service=s&hostname=h&ddtags=t:1",
            "datadog://h/v2?header_DD-API-KEY=abcd****&ddsource=c&service=s&hostname=h&ddtags=t:1",
            "datadog://h/v2?ddsource=c&service=s&hostname=h&ddtags=t:1",
        ),
        (
            "splunk://h:8088/x?channel=c-1&insecure-skip-verify=false&sourcetype=s",
            "splunk://h:8088/x?channel=REDACTED&insecure-skip-verify=false&sourcetype=s",
            "splunk://h:8088/x?channel=c-1****&insecure-skip-verify=false&sourcetype=s",
            "splunk://h:8088/x?insecure-skip-verify=false&sourcetype=s",
        ),
        (
            "https://user:p@ss@host/path@2?Api-Key=longkey&format=cloudflare&new=value",
            "https://REDACTED@host/path@2?Api-Key=REDACTED&format=cloudflare&new=REDACTED",
            "https://user****@host/path@2?Api-Key=long****&format=cloudflare&new=valu****",
            "https://host/path@2?format=cloudflare",
        ),
        (
            "bq://projects/P/tables/T?credentials=abcdefg",
            "bq://projects/P/tables/T?credentials=REDACTED",
            "bq://projects/P/tables/T?credentials=abcd****",
            "bq://projects/P/tables/T",
        ),
        (
            "https://host/?baretoken&region",
            "https://host/?REDACTED&region",
            "https://host/?bare****&region",
            "https://host/?region",
        ),
        (
            "kinesis://s?region=r&sts-assume-role-arn=arn:aws:iam::1:r&sts-external-id=extern",
            "kinesis://s?region=r&sts-assume-role-arn=arn:aws:iam::1:r&sts-external-id=REDACTED",
            "kinesis://s?region=r&sts-assume-role-arn=arn:aws:iam::1:r&sts-external-id=exte****",
            "kinesis://s?region=r&sts-assume-role-arn=arn:aws:iam::1:r",
        ),
    ],
)
def test_the_secrets_of_each_destination(
    destination: str, masked: str, stars: str, removed: str
) -> None:
    forms = [redacted(destination, how) for how in ("masked", "stars", "removed")]
    assert forms == [masked, stars, removed]


@pytest.mark.parametrize(
    "destination",
    ["gs://bucket/{DATE}", "s3://b/p@2/?region=r&sse=AES256", "azure://h/c?srt=o&ss=b&s%70r=https"],
)
@pytest.mark.parametrize("how", ["masked", "stars", "removed", "plain"])
def test_a_destination_without_secrets_is_shown_as_it_is(destination: str, how: str) -> None:
    assert redacted(destination, how) == destination
