"""How the bundled weights are made: recipes, and the loop that follows them.

python -m zoo.training RECIPE --data DIR [--minutes M] [--resume]
python -m zoo.training export RUN ID
"""
