"""Where templates of pages lie, and what pages need."""

import os

from mmkeras.pages.numbers import figure, share


def require_packages(who, extra="report"):
    """Raises an error that says which extra to install, where a page cannot be made."""
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
        import PIL  # noqa: F401
    except ImportError as error:
        raise ImportError(f'{who}: it needs matplotlib and jinja2. Do: pip install "mmkeras[{extra}]"') from error


def environment():
    """Where the templates of pages lie, and how they write numbers."""
    import jinja2

    loader = jinja2.FileSystemLoader(os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates"))
    pages = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters.update(figure=figure, share=share)
    return pages
