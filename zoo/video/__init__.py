"""Videos: read -> restore -> keep steady from frame to frame -> write, as a stream.

`run.restore_video` is the whole way; it needs PyAV (`pip install "restoration-zoo[video]"`), which is imported when a
video is opened and not before.
"""
