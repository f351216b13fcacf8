"""The camera door: from a frame's bytes to what can be measured of its picture (`ports.Eye`).

Knows Pillow, OpenCV and fsspec; nothing of lines, models or databases.
"""

from inspector.adapters.camera.camera_eye import CameraEye

__all__ = ["CameraEye"]
