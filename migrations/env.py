"""Alembic's entry: runs the migrations against the URL handed over by ``store.catalog.session.migrate``."""

from alembic import context

from store.catalog.engine import make_engine
from store.catalog.tables import Model

engine = make_engine(context.config.attributes["url"])
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Model.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
