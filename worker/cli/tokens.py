"""Commands for tokens of the web program: tokens create, list, revoke."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from store.catalog.session import Catalog
from store.catalog.tables import ApiToken
from store.catalog.tokens import add_token, list_tokens, revoke_token
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
    with _opened(store).session() as session:
        row, secret = add_token(session, name, scopes=scope, expires_at=ends)
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
    with _opened(store).session() as session:
        row = revoke_token(session, token)
    if as_json:
        print_json(_facts(row))
    else:
        print(f"The token {row.public_id} of {row.name} is revoked.")


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
