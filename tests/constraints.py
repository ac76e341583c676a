"""A table without one of its constraints, so that a test can show what the constraint prevents."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.models import Model


@contextmanager
def without_constraint(
    model: type[Model], name: str, *, mend: Callable[[], object]
) -> Iterator[None]:
    """Let the database allow what this constraint refuses.

    `mend` changes or deletes such rows at the end, because they would refuse the constraint.
    """
    [constraint] = [one for one in model._meta.constraints if one.name == name]
    with connection.schema_editor() as editor:
        editor.remove_constraint(model, constraint)
    try:
        yield
    finally:
        mend()
        with connection.schema_editor() as editor:
            editor.add_constraint(model, constraint)
