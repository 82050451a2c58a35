"""A client for Conceptoscope servers: ``Client("http://127.0.0.1:8600").dictionary("fish")[12].heat()``."""

from conceptoscope.analysis import Analysis
from conceptoscope.client import AsyncClient, Client
from conceptoscope.concept import Concept, Histogram
from conceptoscope.concept_list import ConceptList
from conceptoscope.dictionary import Dictionary
from conceptoscope.edits import Change, Edit, clamp, scale
from conceptoscope.errors import (
    ClientError,
    Conflict,
    Forbidden,
    Invalid,
    JobFailed,
    MissingPackage,
    NotFound,
    PreconditionFailed,
    RateLimited,
    Refused,
    ServerFault,
    TimedOut,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unexpected,
    Unreachable,
    UnsupportedMedia,
)
from conceptoscope.examples import Examples
from conceptoscope.image import Image
from conceptoscope.job import Job
from conceptoscope.label import Label
from conceptoscope.pages import Collection
from conceptoscope.record import Record

__all__ = [
    "Analysis",
    "AsyncClient",
    "Change",
    "Client",
    "ClientError",
    "Collection",
    "Concept",
    "ConceptList",
    "Conflict",
    "Dictionary",
    "Edit",
    "Examples",
    "Forbidden",
    "Histogram",
    "Image",
    "Invalid",
    "Job",
    "JobFailed",
    "Label",
    "MissingPackage",
    "NotFound",
    "PreconditionFailed",
    "RateLimited",
    "Record",
    "Refused",
    "ServerFault",
    "TimedOut",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "Unexpected",
    "Unreachable",
    "UnsupportedMedia",
    "clamp",
    "scale",
]
