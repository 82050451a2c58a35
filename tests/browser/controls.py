"""Every control of a page by its role, changed as a person would, and what is drawn afterwards, pixel by pixel.

A control is a form that is not posted, with all its fields, or a group of links of which one is current. What is
remembered for the person, not for the view, is left alone: see ``PERSONAL``.
"""

import io
from typing import Final

from PIL import Image, ImageChops
from playwright.sync_api import Page

PERSONAL: Final = "dialog, [popover], [data-size], [data-personal]"
"""Keys on or off, size of cards, theme: kept in the browser, no part of what an address shows."""
NOISE: Final = 8
"""Levels of 255 by which the corner of the same box may differ between two paintings of the same page."""
CONTROLS: Final = """
(personal) => {
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(personal);
  const here = (form) => !form.hasAttribute("action") || new URL(form.action).pathname === location.pathname;
  window.controls = {};
  for (const form of document.forms) {
    if (form.method !== "get" || !here(form) || form.closest("header, footer, dialog")) continue;
    const fields = [...form.elements].filter((one) => one.name && !one.disabled && seen(one.labels?.[0] ?? one)
      && !["hidden", "search", "file", "submit", "button", "reset", "fieldset"].includes(one.type)
      && (one.type !== "text" || one.inputMode));
    if (fields.length) window.controls[`form ${form.id || form.getAttribute("aria-label") || form.className}`] = fields;
  }
  for (const one of document.querySelectorAll("main a[aria-current]")) {
    const group = one.closest("ul, [role=group], .segments, nav, tr") ?? one.parentElement;
    const links = [...group.querySelectorAll("a[href]")];
    const other = links.filter((link) => !link.ariaCurrent && link.pathname === location.pathname && seen(link)).at(-1);
    if (other) window.controls[`links ${group.getAttribute("aria-label") ?? links.length}`] = [other];
  }
  return Object.fromEntries(Object.entries(window.controls)
    .map(([key, fields]) => [key, [...new Set(fields.map((one) => one.name || "link"))]]));
}
"""
CHANGE: Final = """
(key) => {
  const fields = window.controls[key];
  const [first] = fields;
  if (first.tagName === "A") return first.click();
  const sent = first.form.hasAttribute("action"); // as a whole; else each field acts by itself
  const tell = (one) => ["input", "change"].forEach((type) => one.dispatchEvent(new Event(type, { bubbles: true })));
  const n = (one) => Number((one.closest("label")?.textContent ?? "").match(/(\\d+)\\s*$/)?.[1] ?? 0);
  const radios = new Set();
  let share = 0.6;
  for (const field of fields) {
    if (field.name === "heat") continue; // stays on, or nothing of how it is drawn would be seen
    if (field.type === "checkbox") field.checked = !field.checked;
    else if (field.type === "radio") {
      if (radios.has(field.name)) continue;
      radios.add(field.name);
      const others = fields.filter((one) => one.name === field.name && !one.checked && one.value);
      const [chosen] = others.sort((a, b) => n(b) - n(a)); // the one with most behind it
      if (chosen) chosen.checked = true;
    } else if (field.type === "range") {
      share = 1 - share;
      field.value = Number(field.min || 0) + (Number(field.max || 100) - Number(field.min || 0)) * share;
    } else if (field.type.startsWith("select")) {
      const others = [...field.options].filter((one) => one.value && !one.selected && !one.disabled);
      if (others.length) field.value = others.at(-1).value;
    } else if (field.value === "" && /^[-\\d.e]+$/.test(field.placeholder)) field.value = field.placeholder;
    if (!sent || field.type === "range") tell(field);
  }
  if (sent) first.form.requestSubmit();
}
"""
OPEN: Final = "() => document.querySelectorAll('main details').forEach((one) => { one.name = ''; one.open = true; })"
STILL: Final = """
async () => {
  document.activeElement?.blur();
  scrollTo(0, 0);
  const images = [...document.images];
  images.forEach((image) => { image.loading = "eager"; });
  await document.fonts.ready;
  await Promise.all(images.map((image) => image.decode().catch(() => {})));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}
"""
LINK_MS: Final = 150
"""A link has asked by then."""
REST_MS: Final = 450
"""What is typed is asked for after 350 ms, and how heat is drawn is written to the address after 200 ms."""


def change_all(page: Page) -> dict[str, list[str]]:
    """Change every control once, one after the other, also those that a change brings; gives what was changed."""
    done: dict[str, list[str]] = {}
    while True:
        page.evaluate(OPEN)
        found: dict[str, list[str]] = page.evaluate(CONTROLS, PERSONAL)
        key = next((key for key in found if key not in done), None)
        if key is None:
            return done
        done[key] = found[key]
        page.evaluate(CHANGE, key)
        settle(page, rest_ms=REST_MS if key.startswith("form") else LINK_MS)


def settle(page: Page, *, rest_ms: int = REST_MS) -> None:
    """Until what a change started (a request, a swap, another page) has ended."""
    page.wait_for_timeout(rest_ms)
    page.wait_for_load_state("load")
    page.wait_for_function("() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')")


def picture(page: Page) -> bytes:
    """The whole page from its top, everything unfolded and loaded, pointer in the corner, nothing focused or moving."""
    page.mouse.move(0, 0)
    page.evaluate(OPEN)
    page.evaluate(STILL)
    page.evaluate("() => { scrollTo({ top: 0, behavior: 'instant' }); return new Promise(requestAnimationFrame); }")
    return page.screenshot(full_page=True, animations="disabled", caret="hide")


def difference(one: bytes, other: bytes) -> str:
    """Where two pictures differ by more than ``NOISE``: empty when they are the same."""
    first, second = (Image.open(io.BytesIO(data)).convert("RGB") for data in (one, other))
    if first.size != second.size:
        return f"sizes {first.size} and {second.size}"
    apart = ImageChops.difference(first, second).point(lambda level: 255 * (level > NOISE))
    box = apart.getbbox()
    return f"pixels differ in {box}" if box else ""
