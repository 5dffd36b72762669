"""Answer also requests that come too early, too late, or with parameters of another kind; pygls leaves some open."""

from typing import Any

from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import LanguageServerProtocol


class Protocol(LanguageServerProtocol):
    """The protocol of pygls, in which every request has an answer."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Read a message; a request that cannot be read is answered."""
        try:
            return super().structure_message(data)
        except JsonRpcException:
            if "id" in data and "method" in data:
                self._refuse(data["id"], JsonRpcInvalidParams(f"these are not the parameters of {data['method']}"))
            raise

    def handle_message(self, message: Any) -> None:
        """Handle a message, unless the editor has not begun yet, or has ended already."""
        method, number = getattr(message, "method", None), getattr(message, "id", None)
        is_request = method is not None and number is not None
        if is_request and self._shutdown:
            self._refuse(number, JsonRpcInvalidRequest("the server has been shut down"))
        elif is_request and not self._has_begun and method != types.INITIALIZE:
            self._refuse(number, JsonRpcServerNotInitialized("the server waits for the request `initialize`"))
        elif is_request or self._has_begun or method == types.EXIT:
            super().handle_message(message)

    def _handle_notification(self, method_name: str, params: Any) -> None:
        """Handle a notification. pygls 2.1 keeps the result of each until its answer, which a notification has not."""
        super()._handle_notification(method_name, params)
        for number in [number for number, result in self._request_futures.items() if result.done()]:
            del self._request_futures[number]

    @property
    def _has_begun(self) -> bool:
        return self._workspace is not None

    def _refuse(self, number: Any, error: JsonRpcException) -> None:
        self._send_response(number, error=error.to_response_error())
