"""Training of the bundled weights: recipes, the training loop, and the export of a run.

python -m training RECIPE --data DIR [--minutes M] [--resume]
python -m training all --data DIR --minutes M
python -m training pack FOLDER --data DIR
python -m training export RUN ID
python -m training card ID
python -m training sheet ID
python -m training curve RUN PNG
"""
