# Copyright: Contributors to the edgeops.cloudflare project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One play that runs every module in success and in every kind of failure, and what it needs.

A kind of failure that lies in Cloudflare's response is a zone of its own, which is answered so
whatever it is asked. So all of them fit into one play, and each costs one task.
"""

from __future__ import annotations

import json
import re
import typing as t
import urllib.parse

from e2e.hostile.secrets_search import Secrets
from e2e.playbooks import World
from e2e.test_destinations import UNPROVED, secret

Options = dict[str, t.Any]
Task = dict[str, t.Any]

COLLECTION = "edgeops.cloudflare"
OWNERSHIP = "logpush_ownership"
OWNERSHIP_VALIDATE = "logpush_ownership_validate"
JOB = "logpush_job"
JOBS = "logpush_jobs"
OWNERSHIPS = "logpush_ownerships"
JOB_INFO = "logpush_job_info"
DATASET_INFO = "logpush_dataset_info"
DESTINATION_VALIDATE = "logpush_destination_validate"

# The options of each module besides its connection and scope.
ASKED: dict[str, Options] = {
    OWNERSHIP: {"destination_conf": "{{ s3 }}"},
    OWNERSHIP_VALIDATE: {"destination_conf": "{{ s3 }}", "ownership_challenge": "{{ challenge }}"},
    JOB: {
        "name": "http",
        "destination_conf": "{{ s3 }}",
        "ownership_challenge": "{{ challenge }}",
        "enabled": True,
    },
    JOB_INFO: {},
    DATASET_INFO: {"dataset": "http_requests"},
    DESTINATION_VALIDATE: {"destination_conf": "{{ s3 }}"},
}
# Of those that do many: the list, and what it holds besides a scope.
MANY: dict[str, tuple[str, list[Options]]] = {
    OWNERSHIPS: ("targets", [ASKED[OWNERSHIP], ASKED[OWNERSHIP]]),
    JOBS: ("jobs", [ASKED[JOB], {**ASKED[JOB], "name": "dns", "dataset": "dns_logs"}]),
}
# What is said for a whole task, and for no entry of a list.
_OF_THE_TASK = {"api_token", "api_email", "api_key", "api_tokn", "base_url", "timeout"}
CREDENTIALS: dict[str, Options] = {
    "environment": {},
    "token": {"api_token": "{{ token }}"},
    "key": {"api_email": "{{ email }}", "api_key": "{{ key }}"},
    "wrong token": {"api_token": "{{ wrong_token }}"},
    "wrong key": {"api_email": "{{ email }}", "api_key": "{{ wrong_key }}"},
}
# The ids of zones and accounts that are answered as their names say.
QUOTES, SHOWS_PAGE, SAYS_NO, IS_CUT, REDIRECTS = (f"{number}" * 32 for number in range(1, 6))
_UNREACHABLE = {"base_url": "http://127.0.0.1:1", "timeout": 0.3}
_SECRET_OF_OTHERS = re.compile(re.escape(secret("NAME")).replace("NAME", r"(\w+)"))


class Scenery:
    """A sandbox made ready for the play, and the variables that lead the play there."""

    def __init__(self, world: World, secrets: Secrets) -> None:
        self._world = world
        self._secrets = secrets
        env = world.environment
        self.unproved = {
            name: _SECRET_OF_OTHERS.sub(lambda found: secrets.quoted(found[1]), conf)
            for name, conf in UNPROVED.items()
        }
        s3 = f"{env['SANDBOX_DESTINATION_CONF']}&anything={secrets.quoted('of a parameter')}"
        asked = {"destination_conf": s3}
        token = secrets.add("the token", env["CLOUDFLARE_API_TOKEN"])
        self.variables = {
            "zone": world.zone_id,
            "s3": s3,
            **self.unproved,
            "challenge": secrets.add(
                "the challenge", world.control("POST", "tokens", asked)["token"]
            ),
            "token": token,
            "wrong_token": secrets.made("the wrong token", "\"\\'+/=~z"),
            "email": env["SANDBOX_API_EMAIL"],
            "key": secrets.add("the key", env["SANDBOX_API_KEY"]),
            "wrong_key": secrets.made("the wrong key", "0123456789abc"),
        }

    def play_faults(self) -> None:
        """Have each zone and account of a kind of failure answer so.

        An answer quotes what it was asked with, and no more: nobody could tell the secrets that
        are no part of a request. The jobs of a zone can be read, so that one can be created.
        """
        token, destination = self.variables["token"], self.variables["s3"]
        decoded = urllib.parse.unquote(destination)
        quoted = [destination, decoded, json.dumps(decoded), urllib.parse.quote(destination)]
        quoted.append(urllib.parse.quote(destination, safe=""))
        with_destination = "; ".join([token, *quoted])
        with_challenge = f"{with_destination}; {self.variables['challenge']}"
        for number in (QUOTES, SHOWS_PAGE, SAYS_NO, IS_CUT, REDIRECTS):
            empty = {"status": 200, "body": {"success": True, "result": []}}
            self._fault(f"zones/{number}/", "GET", empty)
            there = f"zones/{number}/logpush"
            self._fault(f"{there}/ownership$", "POST", self._answer(number, with_destination))
            self._fault(there, "POST", self._answer(number, with_challenge))
            there = f"accounts/{number}/logpush"
            self._fault(f"{there}/.*/validate$", "POST", self._answer(number, with_challenge))
            self._fault(there, "POST", self._answer(number, with_destination))
            self._fault(there, "GET", self._answer(number, f"{token}; {destination}"))

    def _fault(self, path: str, method: str, answer: Options) -> None:
        fault = {"path": path, "method": method, "times": -1, **answer}
        self._world.control("POST", "faults", fault)

    def _answer(self, number: str, said: str) -> Options:
        error = {"errors": [{"code": 1000, "message": said}], "success": False}
        no = {"valid": False, "exists": True, "filename": "", "message": said}
        job = {"id": 7, "destination_conf": self.variables["s3"], "error_message": said}
        cut = {"success": True, "result": [job], "messages": ["x" * 3 * len(said)]}
        password = self._secrets.quoted("of a redirect")
        somewhere = f"https://{password}:{password}@h.example/{password}?x={password}"
        answers: dict[str, Options] = {
            QUOTES: {"status": 400, "body": error},
            SHOWS_PAGE: {"status": 403, "body": f"<p>{said}</p>"},
            SAYS_NO: {"status": 200, "body": {"success": True, "result": no}},
            IS_CUT: {"status": 200, "body": cut, "half": True},
            REDIRECTS: {"redirect": somewhere},
        }
        return answers[number]


class Play:
    """A play being written: its tasks, and how many of them are to fail."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.failures = 0

    def succeed(self, module: str, **options: t.Any) -> None:
        """Add a task that succeeds."""
        given = self._many(module, options) if module in MANY else self._one(module, options)
        self.tasks.append({"name": f"Task {len(self.tasks)}", f"{COLLECTION}.{module}": given})

    @staticmethod
    def _one(module: str, options: Options) -> Options:
        given = {"zone_id": "{{ zone }}", **ASKED[module], **options}
        return {name: value for name, value in given.items() if value is not None}

    @staticmethod
    def _many(module: str, options: Options) -> Options:
        name, entries = MANY[module]
        of_task = {option: options[option] for option in _OF_THE_TASK & options.keys()}
        of_entry = {option: options[option] for option in options.keys() - _OF_THE_TASK}
        given = [{"zone_id": "{{ zone }}", **entry, **of_entry} for entry in entries]
        told = [{k: v for k, v in entry.items() if v is not None} for entry in given]
        return {name: told, **of_task}

    def fail(self, module: str, **options: t.Any) -> None:
        """Add a task that fails."""
        self.succeed(module, **options)
        self.tasks[-1]["ignore_errors"] = True
        self.failures += 1

    def sample(self, every: int) -> Play:
        """Return a play of all tasks that succeed, and of every so many that fail."""
        play = Play()
        fails = [task for task in self.tasks if "ignore_errors" in task]
        kept = fails[::every]
        play.tasks = [task for task in self.tasks if task not in fails or task in kept]
        play.failures = len(kept)
        return play

    def written(self) -> list[dict[str, t.Any]]:
        """Return the playbook."""
        here = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False}
        return [{**play, "vars": here, "tasks": self.tasks}]


def play_of_all_modules(kinds: t.Sequence[str]) -> Play:
    """Return the play, with a job for each kind of destination; they are names of variables."""
    play = Play()
    _succeed(play, kinds)
    for number, module in enumerate([*ASKED, *MANY]):
        _fail_by_answers(play, module)
        wrong, right = ("wrong token", "key") if number % 2 else ("wrong key", "token")
        play.fail(module, **CREDENTIALS[wrong])
        play.fail(module, **CREDENTIALS[right], **_UNREACHABLE)
        play.fail(module, **CREDENTIALS[right], api_tokn="{{ wrong_token }}")
    _fail_by_input(play)
    return play


def _succeed(play: Play, kinds: t.Sequence[str]) -> None:
    for module, credentials in (
        (OWNERSHIP, "environment"),
        (OWNERSHIP_VALIDATE, "token"),
        (DATASET_INFO, "key"),
        (DESTINATION_VALIDATE, "token"),
        # Create, change, look at and remove: each shows a diff, the second one of two secrets.
        (JOB, "key"),
    ):
        play.succeed(module, **CREDENTIALS[credentials])
    for kind in kinds:
        conf = f"{{{{ {kind} }}}}"
        play.succeed(JOB, name=kind, destination_conf=conf, ownership_challenge=None)
    play.succeed(JOB, name=kinds[0])
    play.succeed(OWNERSHIPS, **CREDENTIALS["key"])
    play.succeed(JOBS, **CREDENTIALS["token"])
    play.succeed(JOB_INFO, **CREDENTIALS["token"])
    play.succeed(JOB, name=kinds[0], state="absent", **CREDENTIALS["token"])


def _fail_by_answers(play: Play, module: str) -> None:
    scope = "zone_id" if module in (JOB, JOBS) else "account_id"
    answers = [QUOTES, SHOWS_PAGE, IS_CUT]
    if module not in (JOB_INFO, DATASET_INFO):
        answers += [SAYS_NO, REDIRECTS]
    for number in answers:
        play.fail(module, **{"zone_id": None, scope: number}, **CREDENTIALS["token"])


def _fail_by_input(play: Play) -> None:
    for wrong in (
        {"timeout": 0},
        {"timeout": "soon"},
        {"max_upload_records": 1},
        {"output_options": {"no_such_option": 1}},
        {"destination_conf": ["{{ s3 }}"]},
        {"destination_conf": "{{ s3 }}{{ no_such_variable }}"},
        {"ownership_challenge": {"content": "{{ challenge }}"}},
        {"base_url": "https://me:{{ wrong_key }}@h.example/?x={{ wrong_key }}"},
    ):
        play.fail(JOB, **CREDENTIALS["token"], **wrong)
    for module in MANY:
        play.fail(module, **CREDENTIALS["token"], destination_cnf="{{ s3 }}")
        play.fail(module, **CREDENTIALS["token"], destination_conf=["{{ s3 }}"])
        play.fail(module, **CREDENTIALS["token"], destination_conf="x{{ s3 }} {{ wrong_key }}")
    play.fail(JOBS, **CREDENTIALS["token"], name="the same")
