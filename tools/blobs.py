"""The arrays of a module as files, so that its text can be read again."""

from __future__ import annotations

from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from treec.codegen.files import unwritable
from treec.treeir.blob import INLINE_BYTES, STORE, Blob, BlobAttr


def blobs_of(module: ModuleOp) -> list[Blob]:
    """Every array that the module's text names by digest, once each."""
    found: dict[str, Blob] = {}
    for op in module.walk():
        for attribute in (*op.properties.values(), *op.attributes.values()):
            if isinstance(attribute, BlobAttr) and attribute.array.nbytes > INLINE_BYTES:
                found.setdefault(attribute.data.digest, attribute.data)
    return list(found.values())


def save_blobs(module: ModuleOp, folder: Path) -> None:
    """Write the arrays that are not there yet. Raises `UsageError` where they can't be written."""
    for blob in blobs_of(module):
        try:
            STORE.save(blob, folder)
        except OSError as error:
            raise unwritable(folder, error) from error
