"""Runs side by side: what they were asked, and what they came to.

- `facts`: what is shown of a run, and in which form;
- `runs`: a folder of any kind of run, read;
- `tables`: several runs as tables, as CSV, as Markdown;
- `page`: the same as a page, with maps of the same section.
"""
