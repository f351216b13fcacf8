"""The camera door: from a frame's bytes to what can be measured of its picture (`ports.camera.PictureReader`).

Knows Pillow, OpenCV and fsspec; nothing of lines, models or databases.
"""

from inspector.adapters.camera.picture_reader import CameraPictureReader

__all__ = ["CameraPictureReader"]
