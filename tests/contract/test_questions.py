# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What no source says of the API: the contract tests report what they see."""

from __future__ import annotations

import secrets
import typing as t

import jwt
import pytest

from .api import Api, Response
from .settings import BUCKET, DESTINATION, EXPIRED, KEYS

# What it needs beside a zone. The function returns the answer.
question = pytest.mark.question


def claims(token: str) -> dict[str, t.Any]:
    """The claims of a JWT, unverified; none where it is not one."""
    try:
        return jwt.decode(token, options={"verify_signature": False, "verify_exp": False})
    except jwt.InvalidTokenError:
        return {}


@question(BUCKET)
def test_filename(api: Api) -> t.Any:
    """Which filename does a challenge for a path with {DATE} get?"""
    destination = api.bucket_destination("/{DATE}")
    name, key, _text = api.challenge(destination)
    return {"destination_conf": destination, "filename": name, "object key": key}


@question(BUCKET)
def test_second_challenge(api: Api) -> t.Any:
    """Which filename does a second challenge for the same destination get, and does it overwrite
    the first one's file?"""
    destination = api.bucket_destination()
    first, second = api.challenge(destination), api.challenge(destination)
    return {
        "filenames": [first[0], second[0]],
        "same file": first[1] == second[1],
        "same token": first[2] == second[2],
    }


@question(BUCKET)
def test_other_destination_in_the_folder(api: Api) -> t.Any:
    """Which filename does a challenge for another destination_conf with the same path get?"""
    destination = api.bucket_destination()
    names = [api.challenge(each)[0] for each in (destination, f"{destination}&sse=AES256")]
    return {"filenames": names, "same file": names[0] == names[1]}


@question(BUCKET)
def test_token_claims(api: Api) -> t.Any:
    """Which claims does a token have? (Their names alone.)"""
    return sorted(claims(api.token(api.bucket_destination())))


@question(BUCKET)
def test_token_used_twice(api: Api) -> t.Any:
    """May a token be used for a second job?"""
    body = api.members(api.bucket_destination())
    assert api.post(body).ok
    return _told(api.post({**body, "name": api.new_name()}))


@question(BUCKET)
def test_superseded_token(api: Api) -> t.Any:
    """Is a token still accepted after another challenge for the same destination?"""
    destination = api.bucket_destination()
    body = api.members(destination)
    api.challenge(destination)
    return _told(api.post(body))


@question(BUCKET, EXPIRED)
def test_expired_token(api: Api) -> t.Any:
    """What is the error for an expired token?"""
    destination = api.settings.s3_destination
    body = {"destination_conf": destination, "ownership_challenge": api.settings.expired_token}
    job = {**body, "name": api.new_name()}
    return {
        "ownership/validate": _told(api.call("POST", "ownership/validate", body)),
        "jobs": _told(api.post(job)),
    }


@question(BUCKET)
def test_changed_token(api: Api) -> t.Any:
    """What is the error for a token with a changed expiry, and for text that is no token?"""
    destination = api.bucket_destination()
    said = {**claims(api.token(destination)), "exp": 1}
    changed = jwt.encode(said, secrets.token_hex(32), algorithm="HS256")
    tokens = {"changed": changed, "no token": "edgeops"}
    answers = {}
    for name, token in tokens.items():
        body = {"destination_conf": destination, "ownership_challenge": token}
        answers[f"ownership/validate, {name}"] = _told(api.call("POST", "ownership/validate", body))
        answers[f"jobs, {name}"] = _told(api.post({**body, "name": api.new_name()}))
    return answers


@question()
def test_texts_of_valid_false(api: Api) -> t.Any:
    """What are the messages for destinations that cannot be written to?"""
    name = f"edgeops-contract-test-{secrets.token_hex(12)}"
    keys = f"access-key-id={secrets.token_hex(10)}&secret-access-key={secrets.token_hex(20)}"
    destinations = {
        "S3, no such bucket": f"s3://{name}/logs?region=us-east-1",
        "S3, wrong keys": f"s3://{name}/logs?region=us-east-1&{keys}",
        "Google Cloud Storage, no such bucket": f"gs://{name}/logs",
        "HTTP, unknown host": f"https://{name}.invalid/",
        "no known scheme": f"edgeops://{name}/logs",
    }
    answers = {}
    for what, destination in destinations.items():
        for path in ("ownership", "validate/destination"):
            response = api.call("POST", path, {"destination_conf": destination})
            answers[f"{path}, {what}"] = _told(response)
    return answers


@question(KEYS)
def test_masked_destination(api: Api) -> t.Any:
    """Is anything of a destination_conf masked when a job is read?"""
    destination = api.destination()
    shown = api.get(api.create(destination)).get("destination_conf")
    if shown == destination:
        return "no, it is shown as sent, the secret included"
    return {"sent": destination, "shown": shown}


@question(DESTINATION)
def test_empty_output_options(api: Api) -> t.Any:
    """How are "", false and 0 shown in output_options?"""
    options = {"field_names": ["RayID"], "record_prefix": "", "CVE-2021-44228": False}
    job = api.get(api.create(output_options=options))
    return {"sent": options, "shown": job.get("output_options")}


def _told(response: Response) -> t.Any:
    if response.status == 200:
        return {"status": 200, "result": _without_job(response.result)}
    return response.error


def _without_job(result: t.Any) -> t.Any:
    if isinstance(result, dict) and "dataset" in result:
        return "the job was created"
    return result
