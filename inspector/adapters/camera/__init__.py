"""Pictures of frames: bytes to measurements, and pictures of claim checks (`ports.camera.PictureReader`).

Imported by `bootstrap` and `operations`. Knows OpenCV and fsspec; never lines, models or databases.
"""

from inspector.adapters.camera.picture_reader import CameraPictureReader

__all__ = ["CameraPictureReader"]
