"""The HTTP methods that a view allows, as its `require_…` decorator says."""

import inspect
from collections.abc import Callable
from typing import Any


def allowed_methods(view: Callable[..., Any] | None) -> list[str]:
    """Return the methods, or an empty list if no decorator names them.

    Django's decorators keep the list in their closure alone. A
    test reads it for every route.
    """
    while view is not None:
        names = inspect.getclosurevars(view).nonlocals if inspect.isfunction(view) else {}
        if methods := names.get("request_method_list"):
            return list(methods)
        view = getattr(view, "__wrapped__", None)
    return []
