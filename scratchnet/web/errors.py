"""What can be wrong with a request, as the JSON interface tells it."""

from __future__ import annotations


class ApiError(Exception):
    """An answer other than 200: its HTTP status, a code for programs, a line for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def bad_request(message: str) -> ApiError:
    """400: the request can't be meant."""
    return ApiError(400, "bad-request", message)
