"""Training of the bundled weights: recipes, the training loop, and the export of a run.

python -m training RECIPE --data DIR [--minutes M] [--resume]
python -m training export RUN ID
python -m training sheet ID
python -m training curve RUN PNG
"""
