# Every target creates and reuses .venv; nothing has to be installed first but Python 3.10+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= runs
# One or two kinds of damage for each task, so that it takes minutes; `make results` measures the rest too.
SCENARIOS ?= motion-blur,free-form-holes,scratches,noise,mixed,downscale-x4,low-light

.DEFAULT_GOAL := help
.PHONY: help eval results leaderboard test test-all app lint types format clean

help:
	@echo "make eval      restore, measure and rank all backends on the embedded sample pictures"
	@echo "make results   measure all that is in the committed tables (DATA=folder of the named sets), then rank it"
	@echo "make leaderboard   write the tables, the plot and the site ($(OUT)/site) of the committed results anew"
	@echo "make test      run the tests (make test-all: the slow ones too)"
	@echo "make app       start the app in a browser"
	@echo "make lint      check style (make format: repair it)"
	@echo "make types     check types"
	@echo "make clean     remove $(VENV) and $(OUT)"

# The stamp is newer than the lists when everything in them is installed.
$(VENV)/.installed: requirements.txt tests/requirements.txt
	@echo "Installing what requirements.txt and tests/requirements.txt list into $(VENV); this takes minutes, once."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt -r tests/requirements.txt
	@touch $@

eval: $(VENV)/.installed
	@echo "Restoring and measuring five sample pictures with every backend that can run here; a line per run follows."
	$(BIN)/python -m eval --model all --dataset sample --scenario $(SCENARIOS) --out $(OUT)
	$(BIN)/python -m leaderboard build $(OUT) --out $(OUT)

results: $(VENV)/.installed
	$(BIN)/python -m eval suite --out $(OUT)/suite $(if $(DATA),--data-root $(DATA))
	$(BIN)/python -m leaderboard publish $(OUT)/suite

leaderboard: $(VENV)/.installed
	$(BIN)/python -m leaderboard build --site $(OUT)/site

test: $(VENV)/.installed
	$(BIN)/python -m pytest -m "not slow"

test-all: $(VENV)/.installed
	$(BIN)/python -m pytest

app: $(VENV)/.installed
	$(BIN)/python app.py

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Gradio writes stubs beside subclassed components; mypy would read them in place of the source.
types: $(VENV)/.installed
	rm -f ui/*.pyi
	$(BIN)/mypy

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(OUT)
