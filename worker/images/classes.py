"""A photo's class, by the rule of its collection."""

import csv
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from store.artifacts import sha256_of
from store.errors import InvalidInput
from store.specs import ClassRule

ClassOf = Callable[[str], str | None]


def find_csv(rule: ClassRule, folder: Path) -> Path | None:
    """The CSV of a rule: an absolute path, or one below the photos' folder, or one below the current folder."""
    if rule.by != "csv":
        return None
    if rule.csv is None:
        raise InvalidInput("Classes by CSV need a file: give one with the columns file and class.")
    for path in (folder / rule.csv, Path(rule.csv)):
        if path.is_file():
            return path
    raise InvalidInput(f"The CSV '{rule.csv}' is neither below '{folder}' nor below the current folder.")


def inputs_of(csv_path: Path | None) -> dict[str, str]:
    """What the classes depend on beside the rule."""
    return {"csv": sha256_of(csv_path)} if csv_path else {}


def make_class_of(rule: ClassRule, folder: Path, *, files: tuple[str, ...]) -> ClassOf:
    """The rule as a function from a relative path to a class name, or None where the photo has no class.

    By folder, the first folder below the root counts, and photos beside the folders have no class.
    """
    key_of = _keys_by_csv(rule, folder, files=files) if rule.by == "csv" else _KEYS[rule.by](rule)
    names = dict(rule.names)

    def class_of(source: str) -> str | None:
        key = key_of(source)
        return None if key is None else names.get(key, key)

    return class_of


def _keys_by_folder(_: ClassRule) -> ClassOf:
    return lambda source: PurePosixPath(source).parts[0] if "/" in source else None


def _keys_by_prefix(rule: ClassRule) -> ClassOf:
    return lambda source: PurePosixPath(source).name[: rule.prefix]


def _no_keys(_: ClassRule) -> ClassOf:
    return lambda _source: None


_KEYS: dict[str, Callable[[ClassRule], ClassOf]] = {
    "folder": _keys_by_folder,
    "prefix": _keys_by_prefix,
    "none": _no_keys,
}


def _keys_by_csv(rule: ClassRule, folder: Path, *, files: tuple[str, ...]) -> ClassOf:
    path = find_csv(rule, folder)
    assert path is not None
    table = _read_table(path)
    if not any(name in table for name in files):
        given, there = next(iter(table)), files[0] if files else "none"
        raise InvalidInput(
            f"No row of '{path.name}' names a photo of '{folder}': the file column says '{given}', "
            f"a photo is '{there}'. Give paths relative to the folder."
        )
    return table.get


def _read_table(path: Path) -> dict[str, str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = {"file", "class"} - set(reader.fieldnames or ())
            if missing:
                found = ", ".join(reader.fieldnames or ()) or "none"
                raise InvalidInput(f"'{path.name}' needs the columns file and class; it has: {found}.")
            table = {PurePosixPath(row["file"]).as_posix(): row["class"] for row in reader if row["file"]}
    except (UnicodeDecodeError, csv.Error) as fault:
        raise InvalidInput(f"'{path.name}' cannot be read as a UTF-8 CSV file: {fault}.") from fault
    if not table:
        raise InvalidInput(f"'{path.name}' has no rows.")
    return {name: label for name, label in table.items() if label}
