"""An answer that comes later."""

from __future__ import annotations

from typing import Any

from sklearn_sagemaker.sagemaker.async_inference.waiter_config import WaiterConfig


class AsyncInferenceResponse:
    """An answer that comes later.

    Parameters
    ----------
    predictor_async : AsyncPredictor
    output_path, failure_path : str or None
        Where the answer, or what went wrong, will be.
    """

    def __init__(
        self, predictor_async: Any, output_path: str, failure_path: str | None
    ):
        self.predictor_async = predictor_async
        self.output_path, self.failure_path = output_path, failure_path
        self._result: Any = None

    def get_result(self, waiter_config: WaiterConfig | None = None) -> Any:
        """The answer.

        Parameters
        ----------
        waiter_config : WaiterConfig or None, default=None
            None does not wait.

        Returns
        -------
        result : object
            As the predictor's deserializer gives it.

        Raises
        ------
        WaitTimeoutError
            If there is none yet.
        ModelError
            If the model failed.
        S3Error
            If S3 cannot be read.
        ValueError
            If ``waiter_config`` is none.
        """
        if waiter_config is not None and not isinstance(waiter_config, WaiterConfig):
            raise ValueError(
                f"waiter_config={waiter_config!r} must be a WaiterConfig, which says "
                "how long to wait, or None."
            )
        if self._result is None:
            self._result = self.predictor_async._result(
                self.output_path, self.failure_path, waiter_config
            )
        return self._result
