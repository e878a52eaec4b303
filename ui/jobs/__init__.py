"""What worker processes do for the app, a module with a function `run(tell, **arguments)` each.

Arguments and results are plain values and paths, as they travel as JSON. `tell(share)` says how much is done, 0 to 1,
and raises `ui.worker.StoppedError` when nobody waits for the result any more.
"""
