"""Commands for tokens of the web program: tokens create, list, revoke."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from store.audit import Change, appending
from store.catalog.session import Catalog
from store.catalog.tables import ApiToken
from store.catalog.tokens import add_token, list_tokens, revoke_token
from store.errors import ConceptoscopeError, NotFound
from store.vocabulary import Scope
from worker.cli.looking import print_table
from worker.cli.options import JsonOption, StoreOption, print_json, settings_of

tokens = typer.Typer(
    name="tokens", help="Say who may visit the web program, and do what.", no_args_is_help=True, rich_markup_mode=None
)


@tokens.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, or what for.")],
    scope: Annotated[list[Scope], typer.Option(help="What it allows, repeatable; admin allows everything.")],
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Days it is valid [default: no end].")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token. Its secret is shown now and never again."""
    ends = datetime.now(UTC) + timedelta(days=days) if days else None
    with _audited(store, "create", name=name) as done, _opened(store).session() as session:
        row, secret = add_token(session, name, scopes=scope, expires_at=ends)
        done.append(row)
    if as_json:
        print_json(_facts(row) | {"secret": secret.text})
        return
    print(secret.text)
    print(f"This is the token {row.public_id} of {row.name} ({row.scopes}). It is shown only now: keep it.")


@tokens.command("list")
def list_(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List all tokens, without their secrets."""
    with _opened(store).session() as session:
        rows = [_facts(row) for row in list_tokens(session)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, title="tokens")


@tokens.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Id of the token, as `tokens list` shows it.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a token: within seconds it opens nothing any more, and browsers signed in by it are signed out."""
    with _audited(store, "revoke", token=token) as done, _opened(store).session() as session:
        row = revoke_token(session, token)
        done.append(row)
    if as_json:
        print_json(_facts(row))
    else:
        print(f"The token {row.public_id} of {row.name} is revoked.")


@contextmanager
def _audited(store: Path | None, method: str, *, token: str = "", name: str = "") -> Iterator[list[ApiToken]]:
    """Write down what was done to the token that is put into the list, or what was refused, as for requests.

    Into the audit log, which must be writable before anything is done, or on standard error.
    """
    rows: list[ApiToken] = []
    status = 500
    with appending(settings_of(store).audit_log) as write:
        try:
            yield rows
            status = 200
        except ConceptoscopeError as fault:
            status = 404 if isinstance(fault, NotFound) else 400
            raise
        finally:
            public_id, named = (rows[0].public_id, rows[0].name) if rows else (token[:64], name[:120])
            path = f"/tokens/{public_id}" if public_id else "/tokens"
            write(Change("command", public_id, named, _login(), method, path, status))


def _login() -> str:
    """Who is logged in on this machine; empty where the system does not know."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _opened(store: Path | None) -> Catalog:
    return Catalog(settings_of(store).catalog_url)


def _facts(row: ApiToken) -> dict[str, Any]:
    moments = {
        "created": row.created_at,
        "used": row.used_at,
        "expires": row.expires_at,
        "revoked": row.revoked_at,
    }
    told = {name: moment.isoformat(timespec="seconds") if moment else None for name, moment in moments.items()}
    return {"id": row.public_id, "name": row.name, "scopes": row.scopes} | told
