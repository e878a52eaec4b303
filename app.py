"""The app, for a Hugging Face Space or `make app`: nothing but wiring."""

import os

import gradio as gr
from starlette.middleware import Middleware

from ui import about, api, arena, batch, components, faces, ranking, restore, testit, video
from ui.guard import GuardedBlocks, NoProxy

TABS = (
    ("Restore", restore.build),
    ("Faces", faces.build),
    ("Batch", batch.build),
    ("Video", video.build),
    ("Test it", testit.build),
    ("Arena", arena.build),
    ("Leaderboard", ranking.build),
    ("About", about.build),
    ("API", api.build),
)
"""In the page's order: (name, what lays it out)."""
LAUNCH = {
    "theme": gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(
        # White on these is readable (WCAG AA); on the theme's own it is not quite.
        color_accent="*primary_600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        block_title_background_fill="none",
        block_title_padding="0",
        block_title_text_color="*body_text_color",
        block_label_background_fill="none",
        block_label_text_color="*body_text_color",
    ),
    "css": components.css(),
    "head": components.head(),
    "max_file_size": "200mb",
    "enable_monitoring": False,
    "app_kwargs": {"middleware": [Middleware(NoProxy)]},
    "mcp_server": os.environ.get("ZOO_MCP") == "1",
    "footer_links": ["api", "settings"],
}

with GuardedBlocks(title="Restoration Zoo", delete_cache=(600, 7200)) as demo:
    gr.Markdown(
        "# Restoration Zoo\nBring a picture, and see side by side which model restores it best.", elem_classes="rz-head"
    )
    for name, build in TABS:
        with gr.Tab(name):
            build()

demo.queue(max_size=200, default_concurrency_limit=None)

if __name__ == "__main__":
    demo.launch(**LAUNCH)
