"""The description of the API holds: one released tool attacks by it in vain, another writes a client that works."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from pathlib import Path

import pytest

from tests.acceptance.api.conftest import Holder, ask, run_tool

pytestmark = pytest.mark.timeout(600)

# A few operations of each kind where there is little time; all of them by `make api`.
EXAMPLES = os.environ.get("GROWSOFT_API_EXAMPLES", "")
SAMPLE = r"/(res\.partner\.category|product\.category|batch|sale\.order/\{id\}/call.*)$"

# What is valid by its form can still be refused for what it means: an order without lines, a name that is taken.
LEFT_OUT = "positive_data_acceptance"

CLIENT = """
import sys
from our_client import AuthenticatedClient
from our_client.api.res_partner import (
    change_res_partner, create_res_partner, delete_res_partner, find_res_partner, read_res_partner,
)
from our_client.models import Problem, ResPartner, ResPartnerChanges, ResPartnerNew

url, host, key, authority = sys.argv[1:]
with AuthenticatedClient(base_url=url, token=key, verify_ssl=authority, headers={"host": host}) as client:
    made = create_res_partner.sync(client=client, body=ResPartnerNew(name="Typed"))
    assert isinstance(made, ResPartner) and made.name == "Typed", made
    page = find_res_partner.sync(client=client, filter_='[["name", "=", "Typed"]]', count=True)
    assert [one.id for one in page.items] == [made.id] and page.count == 1 and page.next_ is None, page
    changed = change_res_partner.sync(made.id, client=client, body=ResPartnerChanges(city="Kyoto"))
    assert changed.city == "Kyoto", changed
    delete_res_partner.sync_detailed(made.id, client=client)
    gone = read_res_partner.sync(made.id, client=client)
    assert isinstance(gone, Problem) and gone.status == 404, gone
print("as described")
"""


def attack(holder: Holder, folder: Path, description: Path, *more: str) -> str:
    """Let the tool send what is allowed and what is forbidden; it fails when an answer is not as described."""
    return run_tool(
        "schemathesis", "run", str(description), "--url", holder.url, "--header", f"Host: {holder.host}",
        "--header", f"Authorization: Bearer {holder.key}", "--tls-verify", str(holder.authority), "--seed", "7",
        "--exclude-checks", LEFT_OUT, "--max-examples", EXAMPLES or "10", "--no-color",
        *more, cwd=folder,
    )  # fmt: skip


def test_sw3_an_attacker_with_the_description_finds_nothing(holder: Holder, tmp_path: Path) -> None:
    sample = () if EXAMPLES else ("--phases", "fuzzing", "--include-path-regex", SAMPLE)
    assert " passed" in attack(holder, tmp_path, holder.description, *sample)


def test_the_attacker_finds_a_planted_lie(holder: Holder, tmp_path: Path) -> None:
    """Its silence proves something: what the description says wrongly is found."""
    lie = json.loads(holder.description.read_bytes())
    lie["components"]["schemas"]["res.country"]["properties"]["name"] = {"type": "integer"}
    planted = tmp_path / "planted.json"
    planted.write_text(json.dumps(lie), encoding="utf-8")
    with pytest.raises(AssertionError, match="schema"):
        attack(holder, tmp_path, planted, "--phases", "coverage", "--include-path-regex", r"/res\.country$")


def test_a_client_written_from_the_description_works(holder: Holder, tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text("post_hooks: []\n", encoding="utf-8")
    told = run_tool(
        "openapi-python-client", "generate", "--path", str(holder.description), "--output-path", "our_client",
        "--meta", "none", "--config", str(config), cwd=tmp_path,
    )  # fmt: skip
    assert "Unable to" not in told, told
    (tmp_path / "script.py").write_text(CLIENT, encoding="utf-8")
    address = (holder.url, holder.host, holder.key, str(holder.authority))
    assert "as described" in run_tool("python", "script.py", *address, cwd=tmp_path)


def test_whoever_operates_it_reads_the_whole_description(holder: Holder) -> None:
    whole = holder.home.json("api", "openapi", "demo")
    assert whole["openapi"] == "3.1.0"
    assert set(json.loads(holder.description.read_bytes())["paths"]) <= set(whole["paths"])


def test_what_is_refused_unread_is_a_problem_too(holder: Holder) -> None:
    answer = ask(
        holder, "POST", "/api/1/res.partner", {"content-length": str(10**9), "content-type": "application/json"}
    )
    assert (answer.status, answer.kind) == (413, "application/problem+json")
    assert json.loads(answer.body)["status"] == 413


def test_files_come_back_as_bytes_to_save_and_never_as_a_page(holder: Holder) -> None:
    content = b"<script>alert(1)</script>" * 100_000
    partner = json.loads(ask(holder, "GET", "/api/1/res.partner?limit=1&fields=id", {}).body)["items"][0]["id"]
    values = {"name": "a.html", "res_model": "res.partner", "res_id": partner, "datas": b64encode(content).decode()}
    made = json.loads(ask(holder, "POST", "/api/1/ir.attachment", {}, json.dumps(values).encode()).body)
    found = ask(holder, "GET", f"/api/1/ir.attachment/{made['id']}/datas", {})
    assert (found.status, found.kind, found.body) == (200, "application/octet-stream", content)
    for path, status in (
        (f"ir.attachment/{made['id']}/name", 404),
        (f"ir.attachment/{10**9}/datas", 404),
        (f"ir.attachment/{made['id']}/nothing", 404),
    ):
        assert ask(holder, "GET", f"/api/1/{path}", {}).status == status
