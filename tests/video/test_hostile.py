"""Files that are no good videos: a sentence each, and FFmpeg opens nothing but the one file."""

from __future__ import annotations

import http.server
import os
import struct
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
import pytest
from PIL import Image

from tests.video import clips
from zoo.errors import PictureError, ZooError
from zoo.video.recipe import Recipe, Step
from zoo.video.run import Job, restore_video
from zoo.video.source import Reader, probe

PLAIN = Recipe((Step("model", "no-op"),))


def told(path: Path) -> str:
    with pytest.raises(ZooError) as error:
        probe(path)
    text = str(error.value)
    assert text.endswith(".") and "\n" not in text and len(text) < 300, text
    return text


@pytest.fixture
def video(tmp_path) -> Path:
    return clips.write(tmp_path / "good.mp4", clips.pan(40), sound=True, options={"g": "10"})


def test_what_is_no_file(tmp_path):
    assert "no such file" in told(tmp_path / "missing.mp4")
    assert "folder" in told(tmp_path)
    (tmp_path / "empty.mp4").touch()
    assert "empty" in told(tmp_path / "empty.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "pipe" in told(tmp_path / "pipe.mp4")
    assert "possible name" in told(Path("a\0b.mp4"))


@pytest.mark.parametrize(
    "data", [b"\0" * 5000, b"hello " * 1000, bytes(range(256)) * 40, b"\x1aE\xdf\xa3" + b"\xff" * 999]
)
def test_rubbish(tmp_path, data):
    (tmp_path / "rubbish.mp4").write_bytes(data)
    told(tmp_path / "rubbish.mp4")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_pictures_are_no_videos(tmp_path, kind):
    frames = [Image.fromarray(frame) for frame in clips.pan(3)]
    more = {"save_all": True, "append_images": frames[1:]} if kind in ("GIF", "WEBP") else {}
    frames[0].save(tmp_path / "a.mp4", kind, **more)
    assert "zoo restore" in told(tmp_path / "a.mp4")


def test_sound_only(tmp_path):
    with av.open(str(tmp_path / "song.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "sound only" in told(tmp_path / "song.mp4")


def test_no_frames(tmp_path):
    with av.open(str(tmp_path / "none.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    told(tmp_path / "none.mkv")


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_is_refused(tmp_path, transfer):
    path = clips.write(
        tmp_path / "hdr.mkv", clips.pan(3), codec="libx265", pixel_format="yuv420p10le", tags=(9, transfer, 9, 1),
        options={"x265-params": "log-level=none"},
    )  # fmt: skip
    assert "HDR" in told(path)


def test_an_mp4_without_its_end_is_named(tmp_path, video):
    data = video.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 2 // 3])
    assert "cut off" in told(tmp_path / "cut.mp4")


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".ts", ".mp4"])
def test_a_cut_file_gives_what_it_has_and_says_so(tmp_path, suffix):
    options = {"g": "10", "bf": "0"}
    whole = clips.write(tmp_path / f"whole{suffix}", clips.pan(100), options=options)
    if suffix == ".mp4":  # with its index at the front
        with (
            av.open(str(whole)) as source,
            av.open(str(tmp_path / "front.mp4"), "w", container_options={"movflags": "faststart"}) as copy,
        ):
            stream = copy.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    copy.mux(packet)
        whole = tmp_path / "front.mp4"
    data = whole.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(data[: len(data) // 2])
    outcome = restore_video(Job(cut, tmp_path / "out.mp4", PLAIN), notes=lambda text: None)
    assert 20 < outcome.frames < 80
    assert len(clips.read(tmp_path / "out.mp4")) == outcome.frames
    if suffix != ".ts":  # a transport stream has no length to compare with
        assert not outcome.whole


def test_broken_packets_in_the_middle(tmp_path):
    source = clips.write(tmp_path / "in.mkv", clips.pan(60), options={"g": "10", "bf": "0"})
    data = bytearray(source.read_bytes())
    rng = np.random.default_rng(0)
    for start in (len(data) // 3, len(data) // 2):
        data[start : start + 300] = rng.integers(0, 256, 300, dtype=np.uint8).tobytes()
    (tmp_path / "broken.mkv").write_bytes(data)
    outcome = restore_video(Job(tmp_path / "broken.mkv", tmp_path / "out.mp4", PLAIN), notes=lambda text: None)
    assert outcome.frames > 25 and not outcome.whole
    assert outcome.damaged or outcome.trouble


@pytest.mark.slow
def test_damaged_files_never_crash(tmp_path, video):
    """Each in a process of its own: a crash of FFmpeg would be one of the whole program."""
    data = video.read_bytes()
    rng = np.random.default_rng(1)
    for number in range(12):
        bad = bytearray(data)
        for at in rng.integers(0, len(bad), 40):
            bad[at] = rng.integers(0, 256)
        (tmp_path / f"bad{number}.mp4").write_bytes(bad)
    code = (
        "import sys\nfrom pathlib import Path\nfrom zoo.errors import ZooError\n"
        "from zoo.video.source import Reader, probe\n"
        "for path in map(Path, sys.argv[1:]):\n"
        "    try:\n        reader = Reader(probe(path)); print(sum(1 for _ in reader.frames()), reader.trouble)\n"
        "    except ZooError as error:\n        print(error)\n"
    )
    files = [str(path) for path in sorted(tmp_path.glob("bad*.mp4"))]
    done = subprocess.run([sys.executable, "-c", code, *files], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 12


class Server(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        Server.asked.append(self.path)
        self.send_error(404)

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    Server.asked = []
    running = http.server.HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{running.server_port}"
    running.shutdown()


def test_playlists_open_nothing(tmp_path, server, video):
    """Playlists, lists of parts and session descriptions, under any name, reach neither the net nor other files."""
    url, local = f"http://{server}/a.ts", str(video)
    texts = {
        "hls.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n",
        "hls.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{local}\n#EXT-X-ENDLIST\n",
        "key.m3u8": f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:10,\n{local}\n#EXT-X-ENDLIST\n',
        "parts.txt": f"ffconcat version 1.0\nfile '{local}'\n",
        "parts.mp4": f"ffconcat version 1.0\nfile '{url}'\n",
        "dash.mpd": f'<?xml version="1.0"?><MPD><Period><AdaptationSet><Representation><BaseURL>{url}</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>",
        "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    }  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        told(tmp_path / name)
    assert Server.asked == []


def test_a_mov_that_refers_to_another_file_does_not_open_it(tmp_path, video):
    """QuickTime tracks may name the file that holds their samples; FFmpeg is not to follow."""
    data = video.read_bytes()
    at = data.find(b"url \0\0\0\x01")
    assert at > 0
    # The reference becomes one to another file: not self-contained, with its name.
    name = str(video).encode() + b"\0"
    bad = data[: at + 4] + struct.pack(">I", 0) + name[: len(data)] + data[at + 8 :]
    (tmp_path / "refers.mov").write_bytes(bad)
    try:
        info = probe(tmp_path / "refers.mov")
    except ZooError:
        return
    assert info.path == tmp_path / "refers.mov"


@pytest.mark.parametrize(
    "name", ["http:a.mp4", "concat:a|b.mp4", "pipe:0", "-.mp4", "a%03d.mp4", "file:x.mp4", "ü\n.mp4"]
)
def test_names_are_names(tmp_path, video, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(video.read_bytes())
    info = probe(Path(name))
    assert sum(1 for _ in Reader(info).frames()) == 40
    outcome = restore_video(Job(Path(name), Path(f"out-{name}.mp4"), PLAIN, end=0.2), notes=lambda text: None)
    assert outcome.frames == 5 and len(clips.read(tmp_path / f"out-{name}.mp4")) == 5


def test_huge_frames_are_refused_before_they_are_decoded(tmp_path):
    path = tmp_path / "huge.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_mux_stream("ffv1", width=16000, height=15000)
        stream.time_base = Fraction(1, 25)
        for number in range(3):
            packet = av.Packet(b"\0" * 100)
            packet.pts = packet.dts = number
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 25), stream, True
            container.mux(packet)
    told(path)


def test_many_streams(tmp_path):
    path = tmp_path / "many.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("ffv1", rate=25) for _ in range(80)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24").reformat(format="yuv420p")
        for stream in streams:
            frame.pts, frame.time_base = 0, Fraction(1, 25)
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    try:
        info = probe(path)
    except PictureError as error:
        assert "streams" in str(error)
    else:
        assert sum(1 for _ in Reader(info).frames()) == 1


def test_a_video_of_ten_hours_is_read_at_its_end_without_its_middle(tmp_path):
    """Ten hours between two frames: the part is found by seeking, and lengths come out right."""
    base = Fraction(1, 1000)
    ticks = [*range(0, 2000, 40), *range(36_000_000, 36_002_000, 40)]
    source = clips.write(tmp_path / "long.mkv", clips.pan(100), ticks=ticks, time_base=base, options={"g": "10"})
    info = probe(source)
    assert info.duration is not None and info.duration > 36_000
    outcome = restore_video(Job(source, tmp_path / "out.mkv", PLAIN, begin=36_000.0), notes=lambda text: None)
    assert outcome.frames == 50
    assert clips.times(tmp_path / "out.mkv")[-1] < 3


def test_interlaced_material_is_noticed_and_mended(tmp_path):
    frames = clips.pan(40, height=480, width=320, step=6)
    woven = []
    for first, second in zip(frames[::2], frames[1::2], strict=True):
        frame = first.copy()
        frame[1::2] = second[1::2]
        woven.append(frame)
    source = clips.write(tmp_path / "in.mkv", woven, codec="ffv1")
    info = probe(source)
    assert info.interlaced == "tff" and any("interlaced" in note for note in info.notes)
    outcome = restore_video(Job(source, tmp_path / "out.mkv", Recipe(PLAIN.steps, "ffv1")), notes=lambda text: None)
    assert outcome.frames == 20

    def comb(frame):
        grey = frame.astype(float).mean(2)
        return np.abs(grey[:-2] - 2 * grey[1:-1] + grey[2:]).mean()

    assert comb(clips.read(tmp_path / "out.mkv")[10]) < 0.6 * comb(woven[10])
    assert clips.times(tmp_path / "out.mkv") == clips.times(source)
    plain = clips.write(tmp_path / "plain.mkv", frames[:20], codec="ffv1")
    assert probe(plain).interlaced is None


def test_frames_that_change_their_size_come_out_at_the_first_one(tmp_path):
    parts = [
        clips.write(tmp_path / "a.h264", clips.pan(5)),
        clips.write(tmp_path / "b.h264", clips.pan(5, height=48, width=64)),
    ]
    (tmp_path / "both.h264").write_bytes(b"".join(part.read_bytes() for part in parts))
    outcome = restore_video(Job(tmp_path / "both.h264", tmp_path / "out.mp4", PLAIN), notes=lambda text: None)
    assert outcome.frames == 10
    assert {frame.shape for frame in clips.read(tmp_path / "out.mp4")} == {(64, 96, 3)}
