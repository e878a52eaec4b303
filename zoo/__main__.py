"""`python -m zoo`: list backends and restore pictures with them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .cli.common import guarded


def parser() -> argparse.ArgumentParser:
    """The command line; building it imports nothing heavy."""
    from .cli import bench, calibrate, export, listing
    from .cli import catalog as catalog_cli
    from .cli import faces as faces_cli
    from .cli import restore as restore_cli
    from .cli import video as video_cli
    from .cli import weights as weights_cli

    name = "restoration-zoo" if Path(sys.argv[0]).stem == "restoration-zoo" else "python -m zoo"
    top = argparse.ArgumentParser(prog=name, description="Restore pictures with interchangeable backends.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        command.set_defaults(run=run)
        return command

    listing.add_list_arguments(add("list", listing.run_list, "list the backends by task, and where their weights are"))
    listing.add_info_arguments(add("info", listing.run_info, "show everything known of one backend"))
    restore_cli.add_arguments(add("restore", restore_cli.run, "restore pictures, files or whole folders"))
    faces_cli.add_arguments(add("faces", faces_cli.run, "restore the faces in photographs, files or whole folders"))
    video_cli.add_arguments(add("video", video_cli.run, "restore a video, steady from frame to frame"))
    export.add_arguments(add("export", export.run, "write a model to a file for ONNX Runtime or OpenVINO"))
    calibrate.add_arguments(add("calibrate", calibrate.run, "measure what int8 needs to know of a model"))
    bench.add_arguments(add("bench", bench.run, "time the networks against their plain forms, or other runtimes"))
    catalog_cli.add_arguments(add("catalog", catalog_cli.run, "search the community's checkpoints (OpenModelDB)"))
    for command in weights_cli.COMMANDS:
        command.add_arguments(add(command.name, command.run, command.help))
    return top


def main() -> int:
    """Parse the command line, run the command, return its exit status."""
    args = parser().parse_args()
    return guarded(lambda: args.run(args))


if __name__ == "__main__":
    sys.exit(main())
