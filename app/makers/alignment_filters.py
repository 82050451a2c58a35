"""What narrows the pairs of an alignment: fields of its form, and filters in use."""

from app import urls
from app.makers.alignment_asking import Aligned, Asked
from app.makers.alignment_pairs import energies_of
from app.views.alignment import Between
from app.views.base import Choice


def side_labels(one: Aligned) -> tuple[str, str]:
    """What both sides are called where there is little room."""
    names = one.a.opened.entry.model_title, one.b.opened.entry.model_title
    return names if names[0] != names[1] else (f"{names[0]}, first", f"{names[1]}, second")


def correlation_fields(asked: Asked) -> Between:
    """The fields that limit the correlation."""
    low, high = asked.query.get("min", ""), asked.query.get("max", "")
    return Between(label="Correlation", low_name="min", high_name="max", low=low, high=high)


def energy_fields(one: Aligned, asked: Asked) -> tuple[Between, ...]:
    """The fields that limit each side's share of energy."""
    kept = one.columns["is_matched"].astype(bool)
    made = []
    for side, facing, label in zip("ab", (one.a, one.b), side_labels(one), strict=True):
        names = f"energy_{side}__gte", f"energy_{side}__lte"
        shares = energies_of(one, facing)[one.columns[side][kept]]
        hints = (f"{shares.min():.2g}", f"{shares.max():.2g}") if len(shares) else ("", "")
        low, high = (asked.query.get(name, "") for name in names)
        made.append(
            Between(
                label=label,
                low_name=names[0],
                high_name=names[1],
                low=low,
                high=high,
                low_hint=hints[0],
                high_hint=hints[1],
            )
        )
    return tuple(made)


def applied_filters(one: Aligned, asked: Asked) -> tuple[Choice, ...]:
    """Each filter in words, with the address that does without it."""
    slugs = one.a.opened.entry.slug, one.b.opened.entry.slug
    labels = {"min": "correlation ≥ {}", "max": "correlation ≤ {}", "mutual": "only mutual"}
    for side, label in zip("ab", side_labels(one), strict=True):
        labels |= {
            f"energy_{side}__gte": f"energy in {label} ≥ {{}}",
            f"energy_{side}__lte": f"energy in {label} ≤ {{}}",
        }
    return tuple(
        Choice(
            key=name,
            label=labels[name].format(value),
            url=urls.alignment(*slugs, query={k: v for k, v in asked.query.items() if k != name}) + "#list",
        )
        for name, value in asked.query.items()
        if name in labels
    )
