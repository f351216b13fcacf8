"""Steps from one schema to the next, run by alembic. A step that was released is never edited: add another."""
