"""The app, for a Hugging Face Space or `make app`: nothing but wiring."""

import gradio as gr

from ui import compare, ranking

CSS = ".small { font-size: 0.85em; opacity: 0.8 }"

with gr.Blocks(title="Restoration Zoo", delete_cache=(3600, 86400)) as demo:
    gr.Markdown("# Restoration Zoo\nWhich restoration model is best for your picture? Try them side by side.")
    with gr.Tab("Compare"):
        compare.build()
    with gr.Tab("Leaderboard"):
        ranking.build()

if __name__ == "__main__":
    demo.queue().launch(theme=gr.themes.Soft(), css=CSS)
