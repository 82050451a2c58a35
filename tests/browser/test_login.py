"""Signing in with a real browser, without script and with it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from store.catalog.session import Catalog
from store.catalog.tokens import add_token
from store.vocabulary import Scope
from tests.browser.conftest import DESKTOP, PHONE, ROOT
from tests.factories import make_store

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address of a server that asks for tokens, and one of them."""
    settings = make_store(Path(tmp_path_factory.mktemp("guarded")))
    catalog = Catalog(settings.catalog_url)
    with catalog.session() as session:
        _, secret = add_token(session, "Ada", scopes=[Scope.READ, Scope.JOBS])
    catalog.close()
    command = [sys.executable, "-m", "app", "--store", str(settings.store), "--port", "0", "--access", "tokens"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        line = next((line for line in process.stdout if "http://" in line), "")
        yield "http://" + line.split("http://", 1)[1].strip().rstrip("/"), secret.text
        process.terminate()
        process.communicate(timeout=15)


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_person_signs_in_works_and_signs_out(
    chromium: Browser, guarded: tuple[str, str], script: bool, size: dict[str, int]
) -> None:
    base, token = guarded
    context = chromium.new_context(viewport=size, java_script_enabled=script)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{base}/jobs/new/index?dictionary=tiny-topk")
    assert page.get_by_role("heading", level=1).inner_text() == "Sign in"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") if script else True
    page.get_by_label("Token").fill("cst_mistyped")
    page.get_by_role("button", name="Sign in").click()
    assert "opens nothing" in page.get_by_role("alert").inner_text()
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    assert page.url == f"{base}/jobs/new/index?dictionary=tiny-topk"
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/jobs/*")
    assert "Ada, web page" in page.content()
    [cookie] = context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    page.get_by_role("link", name="Sign in or out").click()
    assert "Ada" in page.locator("main").inner_text()
    page.get_by_role("button", name="Sign out").click()
    assert "You are signed out." in page.content()
    assert context.cookies() == []
    page.goto(f"{base}/d/tiny-topk")
    assert "/login?next=" in page.url
    context.close()


def test_another_site_gets_nothing_out_of_a_signed_in_browser(chromium: Browser, guarded: tuple[str, str]) -> None:
    """The same machine under another name is another site; its page sends a form and reads an answer."""
    base, token = guarded
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{base}/login")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{base}/jobs")
    n_jobs = page.locator("main").inner_text().count("Index tiny-topk")
    other = base.replace("127.0.0.1", "localhost")
    spec = json.dumps({"kind": "index", "dictionary": "tiny-topk"})
    evil = f"<form method=post action='{base}/jobs/new/index'><input name=dictionary value=tiny-topk></form>"
    page.route(f"{other}/evil", lambda route: route.fulfill(body=evil, content_type="text/html"))
    page.goto(f"{other}/evil")
    read = "url => fetch(url, {credentials: 'include'}).then(() => 'read', () => 'kept')"
    assert page.evaluate(read, f"{base}/api/v1/jobs") == "kept"
    sent = "([url, body]) => fetch(url, {method: 'POST', mode: 'no-cors', credentials: 'include', body})"
    page.evaluate(f"async told => {{ await ({sent})(told).catch(() => 0); }}", [f"{base}/api/v1/jobs", spec])
    with page.expect_navigation():
        page.evaluate("document.querySelector('form').submit()")
    assert "another site" in page.content() or "Sign in" in page.content()
    page.goto(f"{base}/jobs")
    assert page.locator("main").inner_text().count("Index tiny-topk") == n_jobs
    context.close()
