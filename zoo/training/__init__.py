"""How the bundled weights are made: recipes, the loop that follows them, and what becomes of a run.

python -m zoo.training RECIPE --data DIR [--minutes M] [--resume]
python -m zoo.training export RUN ID
python -m zoo.training sheet ID
"""
