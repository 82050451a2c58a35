"""The encoder: whether it is set up, answers, and has room. What is asked is what the web program would ask."""

import httpx
from pydantic import ValidationError

from store.encoding.contract import EncoderState
from store.settings import Settings
from worker.doctor.finding import Finding

_LOOK_S = 1.2
_START = "Start one: `conceptoscope up`, or `conceptoscope encoder` (only uploads and edits need it)."


def look_at_encoder(settings: Settings) -> Finding:
    """How the encoder stands, as far as our settings lead to it."""
    if settings.encoder_secret is None:
        if settings.encoder_url is None:
            return Finding(
                "encoder", "good", "none is set up here; `conceptoscope up` starts one with a secret of its own"
            )
        remedy = "Set CONCEPTOSCOPE_ENCODER_SECRET, the same for the encoder and the web program."
        return Finding("encoder", "bad", f"{settings.encoder_address}, and no secret for it", remedy)
    try:
        headers = {"Authorization": f"Bearer {settings.encoder_secret.get_secret_value()}"}
        url = f"{settings.encoder_address}/state"
        answer = httpx.get(url, headers=headers, timeout=_LOOK_S, trust_env=False)
    except httpx.HTTPError:
        return Finding("encoder", "warn", f"no answer from {settings.encoder_address}", _START)
    return _told(answer, settings.encoder_address)


def _told(answer: httpx.Response, address: str) -> Finding:
    if answer.status_code == 401:
        remedy = "Give CONCEPTOSCOPE_ENCODER_SECRET the same value everywhere, then restart the encoder."
        return Finding("encoder", "bad", f"{address} knows another secret", remedy)
    try:
        state = EncoderState.model_validate_json(answer.content)
    except ValidationError:
        remedy = "Look what listens there; an encoder of another version has to be upgraded."
        return Finding("encoder", "bad", f"{address} gives an answer that is none of an encoder's", remedy)
    found = (
        f"{address} answers ({state.device}), holds {len(state.held)} models and dictionaries in "
        f"{state.held_bytes / 2**20:,.0f} of {state.budget_bytes / 2**20:,.0f} MiB, "
        f"{state.n_waiting} of {state.n_waiting_max} places taken"
    )
    if not state.n_decoders:
        return Finding("encoder", "bad", f"{found}; no decoder of photos lives", "Start the encoder again.")
    return Finding("encoder", "good", found)
