"""Templates of pages, which lie beside this module; whatever is put into one is text in it."""

import jinja2

FOLDER = "templates"


def template(name: str) -> jinja2.Template:
    """The template of a name, in `FOLDER`."""
    loader = jinja2.PackageLoader("loihiseg.report", FOLDER)
    return jinja2.Environment(loader=loader, autoescape=True).get_template(name)
