"""The app, for a Hugging Face Space or `make app`: nothing but wiring."""

import gradio as gr

from ui import compare, ranking, video
from ui.guard import GuardedBlocks

# Gradio's own elements have classes such as "small", so ours start with "rz-".
CSS = ".rz-small { font-size: 0.85em; opacity: 0.8 }"
LAUNCH = {"theme": gr.themes.Soft(), "css": CSS, "max_file_size": "200mb"}

with GuardedBlocks(title="Restoration Zoo", delete_cache=(3600, 86400)) as demo:
    gr.Markdown("# Restoration Zoo\nWhich restoration model is best for your picture? Try them side by side.")
    with gr.Tab("Compare"):
        compare.build()
    with gr.Tab("Video"):
        video.build()
    with gr.Tab("Leaderboard"):
        ranking.build()

if __name__ == "__main__":
    demo.queue().launch(**LAUNCH)
