"""Files for the browser."""

from urllib.parse import quote

from fastapi.responses import Response

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def file_answer(name: str, content: bytes, media_type: str, *, inline: bool = False) -> Response:
    """A file with a Chinese name."""
    how = "inline" if inline else "attachment"
    headers = {"Content-Disposition": f"{how}; filename*=UTF-8''{quote(name)}"}
    return Response(content, media_type=media_type, headers=headers)
