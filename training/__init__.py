"""How the bundled weights are made: recipes, the loop that follows them, and what becomes of a run.

python -m training RECIPE --data DIR [--minutes M] [--resume]
python -m training export RUN ID
python -m training sheet ID
python -m training curve RUN PNG
"""
