"""The forms of dates: what rules a form out before pandas is asked never rules out what pandas would read."""

from __future__ import annotations

import re
from datetime import datetime

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.timestamps.dates import _FORMS, _outline, _parsed, date_form

ZONES = ["", "Z", "z", "+02:00", "-0330", " +01:00", "+0", "+01:00:00"]


@settings(max_examples=400, deadline=None)
@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)),
    st.sampled_from(_FORMS),
    st.sampled_from(["same", "bare", "spaced", "upper", "cut", "long"]),
    st.sampled_from(ZONES),
)
def test_what_is_ruled_out_is_no_date_of_that_form(stamp: datetime, form: str, how: str, zone: str) -> None:
    written = stamp.strftime(form)
    text = {
        "same": written,
        "bare": "/".join(p.lstrip("0") or "0" for p in written.split("/")).replace("-0", "-"),
        "spaced": written.replace(" ", "  ").replace("-0", "- "),
        "upper": written.upper(),
        "cut": written[:-1],
        "long": f"{written}0",
    }[how] + zone
    for pattern in {form, form + "%z", _FORMS[len(text) % len(_FORMS)], _FORMS[stamp.second % len(_FORMS)]}:
        column = pd.Series([text])
        digits = re.match(r"\d*", text)
        compact = pattern.startswith("%Y%m%d") and digits is not None and len(digits[0]) < 8  # pandas takes 202411
        if not compact and not _parsed(column, pattern)[1].any():
            assert _outline(pattern).fullmatch(text.strip()), (text, pattern)


@settings(max_examples=100, deadline=None)
@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)), st.sampled_from(_FORMS))
def test_each_form_is_found(stamp: datetime, form: str) -> None:
    found = date_form(pd.Series([stamp.strftime(form)]))
    assert found is not None
    assert datetime.strptime(stamp.strftime(form), found) is not None
