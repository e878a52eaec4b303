"""`python -m leaderboard card` and `push`: what goes to the Hugging Face Hub."""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.errors import ZooError


def add_card_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `card`."""
    parser.add_argument("model", metavar="ID", help="a model")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there instead of printing it")


def card(args: argparse.Namespace) -> int:
    """Print or write a model's card. Raises ZooError."""
    from eval.find import find_results
    from zoo.io.files import write_bytes

    from .model_cards import model_card
    from .table import COMMITTED

    text = model_card(args.model, find_results([COMMITTED]))
    if args.output is None:
        print(text, end="")
    else:
        write_bytes(args.output, text.encode())
    return 0


def add_push_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `push`."""
    parser.add_argument("repo", metavar="OWNER/NAME", help="the repository on the Hub; made where it does not exist")
    parser.add_argument("--model", metavar="ID", help="push this bundled model with its card, not the results")
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument("--message", metavar="TEXT", help="of the commit")
    parser.add_argument("--dry-run", action="store_true", help="list the files and send nothing")


def push(args: argparse.Namespace) -> int:
    """Commit the results as a data set, or a bundled model, to the Hub. Raises ZooError.

    The token is that of `hf auth login` or HF_TOKEN, the server that of HF_ENDPOINT.
    """
    files = results_files() if args.model is None else model_files(args.model)
    kind = "dataset" if args.model is None else "model"
    if args.dry_run:
        for name, data in sorted(files.items()):
            print(f"{len(data):>10,} bytes  {name}")
        print(f"{len(files)} files for the {kind} repository {args.repo}; nothing was sent.")
        return 0
    message = args.message or ("Results" if args.model is None else f"{args.model} and its card")
    print(upload(args.repo, kind, files, message, private=args.private))
    return 0


def results_files() -> dict[str, bytes]:
    """Path in the repository -> content: result files, all rows as CSV and Parquet, and the card. Raises ZooError."""
    from eval.find import find_results

    from .answers import answers, markdown
    from .bounds import check_bounds
    from .committed import check
    from .costs import COMMITTED_COSTS, read_committed_costs
    from .model_cards import dataset_card
    from .table import COMMITTED, flat, group

    results = find_results([COMMITTED])
    check(results)
    check_bounds(results)
    groups, found = group(results), answers(results, read_committed_costs())
    rows, buffer = flat(groups), io.BytesIO()
    rows.to_parquet(buffer, index=False)
    files = {
        "README.md": dataset_card(groups, found).encode(),
        "leaderboard.csv": rows.to_csv(index=False, lineterminator="\n").encode(),
        "leaderboard.parquet": buffer.getvalue(),
        "use_cases.md": markdown(found).encode(),
    }
    for path in sorted(COMMITTED.rglob("*.json")):
        files[f"results/{path.relative_to(COMMITTED).as_posix()}"] = path.read_bytes()
    files |= {f"cost/{path.name}": path.read_bytes() for path in sorted(COMMITTED_COSTS.glob("*.json"))}
    return files


def model_files(model: str) -> dict[str, bytes]:
    """Path in the repository -> content: a bundled model's weights, what is known of them, and its card.

    Raises UnknownNameError, and ZooError for a model whose weights are not bundled.
    """
    from eval.find import find_results
    from zoo.registry import get_card
    from zoo.weights import is_bundled
    from zoo.weights.places import BUNDLED

    from .model_cards import model_card
    from .table import COMMITTED

    card = get_card(model)
    if not card.files or not is_bundled(card):
        raise ZooError(f"{card.id} has no bundled weights that could be pushed.")
    files = {"README.md": model_card(card.id, find_results([COMMITTED])).encode()}
    for file in card.files:
        for path in (BUNDLED / file.filename, (BUNDLED / file.filename).with_suffix(".json")):
            files[path.name] = path.read_bytes()
    return files


def upload(repo: str, kind: str, files: dict[str, bytes], message: str, *, private: bool = False) -> str:
    """One commit with these files; its address. Raises ZooError with what the server or the client says."""
    from huggingface_hub import CommitOperationAdd, HfApi

    with _spoken(repo):
        api = HfApi()
        api.create_repo(repo, repo_type=kind, private=private or None, exist_ok=True)
        operations = [CommitOperationAdd(name, data) for name, data in sorted(files.items())]
        return api.create_commit(repo, operations, commit_message=message, repo_type=kind).commit_url


@contextmanager
def _spoken(repo: str) -> Iterator[None]:
    """The client's errors as a sentence."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        yield
    except HFValidationError as error:
        raise ZooError(f"'{repo}' is no repository: {' '.join(str(error).split())}") from None
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        why = {401: "the Hub does not know you: hf auth login, or set HF_TOKEN", 403: "you may not write there",
               404: "there is no such repository, or you may not see it"}  # fmt: skip
        said = why.get(status or 0) or " ".join(str(error.server_message or error).split())
        raise ZooError(f"cannot push to {repo}: {said}.") from None
    except (OSError, ValueError, RuntimeError) as error:
        raise ZooError(f"cannot push to {repo}: {' '.join(str(error).split())[:300]}") from None
    except Exception as error:  # the client's transport (httpx) has errors of its own
        if not type(error).__module__.startswith(("httpx", "httpcore", "requests")):
            raise
        raise ZooError(f"cannot reach the Hub to push to {repo}: {' '.join(str(error).split())[:300]}") from None
