"""The tab for programs: examples to copy."""

from __future__ import annotations

import gradio as gr

INTRO = """
## Use this app from a program
Every button is an action with a name and typed parameters; *Use via API* at the foot of the page lists them all.
Replace the address by that of this page. Whoever waits in line is told their place; `job.cancel()` ends a computation.
"""
PYTHON = """from gradio_client import Client, handle_file  # pip install gradio_client

client = Client("http://127.0.0.1:7860/")

# Restore a picture with two models; every result has its file, time, license and scores.
status, shown = client.predict(
    handle_file("photo.jpg"), "denoise", ["nl-means", "bilateral"], None, 0, "as it is", None, api_name="/compare"
)
for result in shown["results"]:
    print(result["model"], result["seconds"], result["files"][0]["file"])

# Fill holes: the mask is white where something is to be replaced.
client.predict(
    handle_file("print.png"), "inpaint", ["telea"], handle_file("mask.png"), 0, "as it is", None, api_name="/compare"
)

# Which model to take.
text, table, _ = client.predict("motion-blur", "permissive", 0, True, api_name="/which_model")
"""
MORE = """# Results as they come, and the end of a computation that nobody needs any more.
job = client.submit(
    handle_file("large.png"), "deblur", ["deblurgan.mini"], None, 0, "as it is", None, api_name="/compare"
)
for status, shown in job:
    print(status)
job.cancel()

# Faces, a batch, a test with a chosen damage.
client.predict(handle_file("group.jpg"), "gpen.mini", "all", 0.8, "natural", "nobody", api_name="/restore_faces")
client.predict([handle_file("scans.zip")], "denoise", "nl-means", "as it is", api_name="/restore_batch")
client.predict(handle_file("clean.png"), "noisy", 0.5, ["nl-means"], "as it is", 0, api_name="/test_it")
"""
SHELL = """HOST=http://127.0.0.1:7860/gradio_api
FILE=$(curl -s -F files=@photo.jpg $HOST/upload | tr -d '[]"')
EVENT=$(curl -s $HOST/call/compare -H 'content-type: application/json' -d '{"data": [
  {"path": "'$FILE'", "meta": {"_type": "gradio.FileData"}},
  "denoise", ["nl-means"], null, 0, "as it is", null]}' | cut -d'"' -f4)
curl -sN $HOST/call/compare/$EVENT
"""


def build() -> None:
    """Lay out the tab inside the current Blocks."""
    gr.Markdown(INTRO)
    gr.Code(PYTHON, language="python", label="Python", interactive=False)
    gr.Code(MORE, language="python", label="More Python", interactive=False)
    gr.Code(SHELL, language="shell", label="curl", interactive=False)
