"""The unit of time in the name of a column, in common languages of exports."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from seqpred.timestamps.names import fold

Unit = Literal[
    "year", "half", "quarter", "month", "week", "day", "day_of_year", "hour", "minute", "second", "slot", "date", "time"
]

# Folded: lower case, without accents, blanks and signs.
_NAMES: dict[Unit, str] = {
    "year": "год 年 year yr yyyy jahr annee an ano anio anno jaar ar rok vuosi isoyear calendaryear",
    "half": "half halfyear semester semestre halbjahr",
    "quarter": "квартал 季度 quarter qtr quartal trimestre trim kwartaal kvartal kwartal yearquarter quarteryear q",
    "month": """
        месяц 月 月份 年月 month mon mo mnth mm monat mois mes mese maand manad maned miesiac kuukausi yearmonth
        monthyear yyyymm""",
    "week": """
        неделя 周 week wk kw woche semaine semana settimana isoweek weekofyear weeknum weeknumber weekno
        epiweek epiyearweek kalenderwoche uke vecka tydzien yearweek weekending weekstart""",
    "day": "day dd dy tag jour dia giorno dag dayofmonth mday dzien",
    "day_of_year": "dayofyear doy yday jday julianday julian ordinalday",
    "hour": """
        hour hr hrs hh he hora heure stunde ora uur hourending hourbeginning hourofday hod godzina hourend
        hrending deliveryhour hours stunden hhmm hhmmss""",
    "minute": "minute min mi minuto minuut",
    "second": "second sec ss",
    "slot": "settlementperiod sp slot timeslot periodnumber interval intervalnumber halfhour quarterhour",
    "date": """
        дата 日期 日付 날짜 date dt datum fecha data dato dteday calendardate refdate obsdate observationdate
        dates 年月日 yyyymmdd yymmdd ddmmyyyy mmddyyyy yyyyddd yyyyjjj yyddd""",
    "time": """
        время 时间 日時 시간 time timestamp datetime ds ts t zeit zeitpunkt zeitstempel timestamputc datetimeutc
        zeitraum period periode periodo timeperiod tiempo tijd tid mtu uhrzeit clock lastchanged lastupdated
        datehour datehr datumzeit times yyyymmddhh yyyymmddhhmm yyyymmddhhmmss""",
}
_QUALIFIERS = {
    *("utc", "local", "cet", "cest", "gmt", "et", "est", "start", "starts", "begin", "beginning", "from", "von"),
    *("desde", "de", "the", "of", "iso", "id"),
}


def parts_of(name: str) -> list[str]:
    """The words of a column name, folded.

    >>> parts_of("HourEnding"), parts_of("Année"), parts_of("delivery_date (UTC)")
    (['hour', 'ending'], ['annee'], ['delivery', 'date', 'utc'])
    """
    return [fold(word) for word in re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))]


@cache
def _units() -> dict[str, Unit]:
    return {fold(name): unit for unit, names in reversed(_NAMES.items()) for name in names.split()}


def unit_of(name: str) -> Unit | None:
    """The unit of time in a column's name, without qualifiers such as UTC; None for other names.

    >>> unit_of("Year"), unit_of("Hour Ending"), unit_of("MTU (CET/CEST)"), unit_of("sales"), unit_of("Trimestre")
    ('year', 'hour', 'time', None, 'quarter')
    >>> unit_of("yyyyddd"), unit_of("YYYY-MM-DD")
    ('date', 'date')
    """
    words = [word for word in parts_of(name) if word not in _QUALIFIERS] or parts_of(name)
    return _units().get("".join(words))


def is_time_name(name: str) -> bool:
    """Whether a column is named like a time: as `unit_of`, or with the word last, as in `delivery date`.

    >>> is_time_name("Delivery Date"), is_time_name("order_month"), is_time_name("time_spent")
    (True, True, False)
    """
    words = [word for word in parts_of(name) if word not in _QUALIFIERS]
    return unit_of(name) is not None or bool(words and _units().get(words[-1]) in ("date", "time", "month", "week"))
