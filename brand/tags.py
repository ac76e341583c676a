"""Template tags of every page. Templates need no `load`."""

from django import template
from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from brand.models import Operator
from brand.stylesheets import stylesheet_url

register = template.Library()


@register.simple_tag(takes_context=True)
def stylesheet(context: Context, name: str) -> SafeString:
    """Link to a stylesheet. An error page may have no brand."""
    url = stylesheet_url(name, context.get("brand") or Operator())
    return format_html('<link rel="stylesheet" href="{}">', url)
