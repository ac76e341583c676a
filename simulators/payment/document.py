"""The frame of the provider's pages: plain HTML that needs no script."""

DOCUMENT = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
</head>
<body>
<main>
<h1>{title}</h1>
{main}</main>
</body>
</html>
"""


def document(title: str, main: str) -> bytes:
    """Return a page. Both arguments are HTML."""
    return DOCUMENT.format(title=title, main=main).encode()
