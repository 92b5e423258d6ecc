"""What a YAML may say: its sections and keys with types, bounds and defaults, and where each stands.

Precedence, lowest first: the default here, what the data decides (`auto`, settled by `recipe.py`),
the YAML, `--set key=value`.
"""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from seqpred.config.yaml_subset import read_scalar, read_yaml

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
from seqpred.errors import ConfigError, did_you_mean

LARGEST = 1 << 20  # bytes of a config
CELLS = "seqpred.cells"  # the entry point group in which a cell is registered under its name

Auto = Literal["auto"]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
T = TypeVar("T")


@cache
def installed_cells() -> dict[str, EntryPoint]:
    """The entry points of the installed cells by name, found without importing any of them.

    Cached, since a scan of all installed distributions takes 10 ms and more.
    """
    from importlib.metadata import entry_points

    return {e.name: e for e in sorted(entry_points(group=CELLS), key=lambda e: e.name)}


def known_cells() -> list[str]:
    """The names of the installed cells, sorted."""
    return list(installed_cells())


def _known_cell(name: str) -> str:
    if name not in known_cells():
        raise ValueError(f"no cell of this name is installed. {did_you_mean(name, known_cells())}")
    return name


def _rising(levels: list[float]) -> list[float]:
    if any(b - a < 1e-9 for a, b in itertools.pairwise(levels)):
        raise ValueError("quantiles must rise, each given once")
    return levels


def _distinct(names: T) -> T:
    if isinstance(names, list) and len(set(names)) < len(names):
        raise ValueError("a column is named twice")
    return names


def _word(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _codec(name: str) -> str:
    try:
        known = name == "auto" or codecs.lookup(name)._is_text_encoding
    except LookupError:
        known = False
    if not known:
        raise ValueError("no encoding of text has this name")
    return name


def _zone(name: str) -> str:
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return name if name == "auto" else ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        near = did_you_mean(name, sorted(available_timezones()))
        raise ValueError(
            f"no time zone has this name. {near if near.startswith('Did') else 'As Europe/Berlin.'}"
        ) from None


# A column may be called 2019, and a step 1, which YAML reads as numbers.
Word = Annotated[str, BeforeValidator(_word)]


class Section(BaseModel):
    """A part of the config: unknown keys are refused, values are not changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Cycle = Literal["hour", "weekday", "day-of-month", "day-of-year"]


class CovariateSection(Section):
    """What else is known of each row, by role; a text column becomes categories."""

    known: Annotated[list[Word], AfterValidator(_distinct)] = Field(
        [], description="Columns known in the future too (price, holiday); predict takes theirs by --future."
    )
    past: Annotated[list[Word], AfterValidator(_distinct)] = Field([], description="Columns that are only observed.")
    static: Annotated[list[Word], AfterValidator(_distinct)] = Field(
        [], description="Columns that say one thing of each series, the same in all its rows."
    )
    static_file: str | None = Field(
        None,
        description="File in which all static columns stand instead, one row for each series, its id under data.id's "
        "name. The model reads it again to forecast.",
    )
    calendar: list[Cycle] | Literal["auto", "none"] = Field(
        "auto",
        description="Cycles of the calendar to tell the network; auto: those that no lag spans and that the data "
        "holds three of.",
    )

    @property
    def columns(self) -> list[str]:
        """All covariate columns, in the order of their roles."""
        return [*self.known, *self.past, *self.static]


class DataSection(Section):
    """Where the rows are, and which column is what."""

    path: str | None = Field(
        None,
        description="CSV (.gz too) or Parquet file, from the folder you call seqpred in, or a pattern such as "
        "logs/*.csv, whose files in the order of their names are one table; - is standard input.",
    )
    time: Word | Annotated[list[Word], Field(min_length=2, max_length=5)] | None = Field(
        "auto",
        description="Column with the time: dates or whole numbers; or several, as [Date, Time] or [year, month]. "
        "auto: guessed. null: rows are in order.",
    )
    target: Annotated[
        Word | Annotated[list[Word], Field(min_length=1)],
        AfterValidator(_distinct),
        Field(description="Column to forecast, or a list of them (a wide table)."),
    ]
    id: Word | None = Field("auto", description="Column that names the series (a long table). null: one series.")
    frequency: Word | Auto = Field(
        "auto",
        description="Step from one row to the next: PT1H, P1D, P7D, P1M (P1M-end: last day), P3M, P1Y, "
        "business-day, or a whole number for integer times; irregular: none, and the network is told how long after "
        "the last row each row comes. auto: the data's own.",
    )
    timezone: Annotated[
        str,
        AfterValidator(_zone),
        Field(
            description="Zone of the clock that the calendar is told by, as Europe/Berlin; times without an offset are "
            "its, through every change of its clocks. auto: what the times carry, if they carry one."
        ),
    ] = "auto"
    covariates: CovariateSection = Field(CovariateSection(), description="What else is known of each row, by role.")
    duplicates: Literal["error", "mean", "last", "first"] = Field(
        "error", description="What becomes of rows that repeat a series' time."
    )
    missing: Literal["mask", "interpolate", "error"] = Field(
        "mask",
        description="Absent rows and empty cells: left out of the loss, learned as a straight line between their "
        "neighbours, or refused. The inputs bridge them from the past alone, whatever this says.",
    )
    sentinels: list[int | float | str] = Field(
        [], description='Numbers or texts that stand for a missing value, as in [-200, "-"].'
    )
    date_order: Literal["auto", "day-first", "month-first"] = Field(
        "auto", description="Which comes first in dates such as 03/04/2005. auto: what all rows admit."
    )
    decimal: Literal["auto", ".", ","] = Field(
        "auto", description="Decimal sign; thousands may be grouped by the other one, a blank or an apostrophe."
    )
    encoding: Annotated[
        str,
        AfterValidator(_codec),
        Field(description="Encoding of a CSV, as cp1252. auto: what its byte-order mark says, else UTF-8."),
    ] = "auto"
    layout: Literal["rows", "years", "weekday-years"] = Field(
        "rows",
        description="years: the targets are years of one series, whose times are each row's date in that year. "
        "weekday-years: the same weekday in that year, 364 days earlier for each year back.",
    )

    @property
    def times(self) -> list[str]:
        """The time columns, in order; none where rows are taken in order."""
        return [] if self.time is None else [self.time] if isinstance(self.time, str) else list(self.time)

    @property
    def targets(self) -> list[str]:
        """The target columns, in order."""
        return [self.target] if isinstance(self.target, str) else list(self.target)


class ModelSection(Section):
    """The recurrent network and what it looks at."""

    cell: Annotated[str, AfterValidator(_known_cell)] = Field(
        "lstm", description="Recurrent cell: rnn, lstm, gru, or the name of an installed one."
    )
    depth: int = Field(2, ge=1, le=64, description="Stacked layers, each fed by the one below.")
    bidirectional: bool = Field(
        False, description="Read each window in both directions; such a network can't carry its state on."
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="Between layers and before the head; never across time.")
    hidden_size: Annotated[int, Field(ge=1, le=8192)] | Auto = Field(
        "auto", description="State units of each layer and direction."
    )
    joint: bool | Auto = Field(
        "auto", description="Whether the targets of a series are told of each other; each is forecast all the same."
    )
    members: Annotated[int, Field(ge=1, le=64)] | Auto = Field(
        "auto", description="Networks whose quantiles are averaged; each is trained from a seed of its own."
    )
    blend: bool = Field(
        True, description="Let the network weigh several naive forecasts, rather than correct that of the anchor alone."
    )
    autoregression: bool = Field(
        True, description="Add a weighted sum of the last `window` rows, which no state bends, to the forecast."
    )
    window: Count | Auto = Field(
        "auto", description="Rows in a training window; a bidirectional network sees just these before a forecast."
    )
    anchor: Count | Auto = Field(
        "auto", description="The network corrects the forecast 'same as this many rows ago' (1: the last value)."
    )
    lags: Annotated[list[Count], Field(min_length=1, max_length=64)] | Auto = Field(
        "auto", description="Inputs: the change of the target since this many rows ago."
    )


class ForecastSection(Section):
    """What is forecast."""

    horizon: Count | Auto = Field("auto", description="Rows ahead that the network forecasts at once.")
    season: Count | Auto = Field(
        "auto", description="Rows in one season, for scaling, the seasonal naive and MASE (1: no season)."
    )
    quantiles: Annotated[
        list[Annotated[float, Field(gt=0, lt=1)]], Field(min_length=1, max_length=99), AfterValidator(_rising)
    ] = Field([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], description="Levels to forecast; the median always is.")


class TrainingSection(Section):
    """How the network learns."""

    loss: Literal["pinball", "huber"] = Field(
        "pinball", description="Quantile loss at every position; huber rounds its corner off."
    )
    learning_rate: float = Field(2e-3, gt=0, le=1, description="AdamW's peak rate; it warms up, then falls to zero.")
    batch_size: Annotated[int, Field(ge=1, le=65536)] | Auto = Field("auto", description="Windows in a batch.")
    max_steps: Annotated[int, Field(ge=1, le=100_000_000)] | Auto = Field("auto", description="Batches at most.")
    time_budget: float | None = Field(
        None,
        gt=0,
        description="Seconds at most; the schedule is fitted to them. A run cut by time differs from run to run.",
    )
    patience: int = Field(10, ge=1, le=100_000, description="Validations without a better score before stopping.")
    validation: Count | Auto = Field(
        "auto", description="Rows at the end of each series that choose how long to learn; then all are learned from."
    )
    seed: int = Field(1, ge=0, lt=2**31, description="Start of every random draw.")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        "auto", description="Where to train; auto: cuda if there is one."
    )
    threads: Annotated[int, Field(ge=1, le=1024)] | Auto = Field(
        "auto", description="Processor threads; auto: by the network's size."
    )


class Config(Section):
    """A whole config: four sections, of which only the first must be there."""

    data: DataSection
    model: ModelSection = ModelSection()
    forecast: ForecastSection = ForecastSection()
    training: TrainingSection = TrainingSection()
    tune: dict[str, Any] = Field(
        {},
        description="Search space of `seqpred tune`: dotted keys with a list of values, as in 'model.depth: [1, 2]', "
        "or a range, as in 'training.learning_rate: {low: 0.0003, high: 0.01, log: true}'.",
    )

    @staticmethod
    def from_tree(tree: Mapping[str, Any]) -> Config:
        """The config in a mapping of sections, as a YAML holds it.

        Raises:
            ConfigError: faults; all are named together.
        """
        return _checked(tree, lambda _: "config")

    def replace(self, changes: Mapping[str, Any]) -> Config:
        """A copy with dotted keys set to new values, checked like any other.

        Args:
            changes: values by dotted key, as in `{"model.depth": 3}`.
        Raises:
            ConfigError: a key is unknown, or a value out of bounds.
        """
        tree = self.model_dump()
        for key, value in changes.items():
            _put(tree, key, value)
        return _checked(tree, lambda _: "config")


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The config in a YAML file, with `key=value` overrides on top.

    Raises:
        ConfigError: not there, not YAML, or with faults; all faults are named together, each with its line.
    """
    try:
        with path.open("rb") as f:
            content = f.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ConfigError("is no config: it has more than a megabyte", hint="Name a YAML file.", where=str(path))
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            "no such file", hint="`seqpred init DATA > config.yaml` writes one.", where=str(path)
        ) from None
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"can't be read ({e})", hint="A config is a YAML text file.", where=str(path)) from None
    return parse_config(text, str(path), overrides)


def parse_config(text: str, name: str, overrides: Sequence[str] = ()) -> Config:
    """The config in a YAML text; `name` is what errors call it.

    >>> parse_config("data: {target: y}", "c.yaml", ["model.cell=gru"]).model.cell
    'gru'
    """
    tree, lines = read_yaml(text, name)
    tree = {section: keys for section, keys in tree.items() if keys is not None or section == "data"}
    origin: dict[str, str] = {}
    for item in overrides:
        key, value = read_override(item)
        _put(tree, key, value)
        origin[key] = f"--set {item}"

    def where(path: Sequence[object]) -> str:
        """The line of a key, or of the nearest key above it."""
        for end in range(len(path), 0, -1):
            dotted = ".".join(map(str, path[:end]))
            said = next((o for key, o in origin.items() if key == dotted or key.startswith(f"{dotted}.")), None)
            if said:
                return said
            if dotted in lines:
                return f"{name}:{lines[dotted]}"
        return name

    return _checked(tree, where)


def read_override(item: str) -> tuple[str, Any]:
    """The dotted key and the value of a `--set key=value`."""
    key, equals, value = item.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {item}: not of the form key=value", hint="As in --set model.cell=gru.")
    return key.strip(), read_scalar(value, item)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a config, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}


def config_keys() -> list[str]:
    """Every dotted key that a config may have."""
    return list(config_fields())


def config_fields(section: type[BaseModel] | None = None, above: str = "") -> dict[str, FieldInfo]:
    """Every key's field by dotted name, sections within sections included."""
    found = {}
    for name, field in (section or Config).model_fields.items():
        inner = _section(field)
        found.update(config_fields(inner, f"{above}{name}.") if inner else {above + name: field})
    return found


def _section(field: FieldInfo) -> type[BaseModel] | None:
    annotation = field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        below = tree.get(parent)
        tree[parent] = dict(below) if isinstance(below, dict) else {}
        tree = tree[parent]
    tree[last] = value


# ------------------------------------------------------------------ pydantic's findings, in words


def _checked(tree: Mapping[str, Any], where: Any) -> Config:
    try:
        return Config.model_validate(tree)
    except ValidationError as e:
        faults = sorted(_faults(e, tree, where), key=_line)
    first = faults[0]
    if len(faults) == 1:
        raise first
    rest = "\n".join(str(f) for f in faults[1:])
    raise ConfigError(first.message, hint=f"{first.hint}\n{rest}")


def _line(fault: ConfigError) -> int:
    """The line that a fault is on; 0 where there is none."""
    found = re.match(r".*?:(\d+): ", fault.message)
    return int(found[1]) if found else 0


def _faults(error: ValidationError, tree: Mapping[str, Any], where: Any) -> Iterator[ConfigError]:
    """One error for each faulty key (a union reports once for each of its members)."""
    seen: set[tuple[object, ...]] = set()
    for e in sorted(error.errors(), key=lambda e: e["type"] == "literal_error"):
        path = _path_of(e["loc"], tree)
        if path in seen:
            continue
        seen.add(path)
        yield _fault(path, e["type"], e["msg"], e["input"], where(path))


def _path_of(loc: tuple[int | str, ...], tree: Mapping[str, Any]) -> tuple[int | str, ...]:
    """The part of an error's location that a person wrote: sections and a key, not what is inside its value."""
    below: object = tree
    section: type[BaseModel] | None = Config
    for depth, name in enumerate(loc):
        if not isinstance(below, dict) or section is None:
            return loc[:depth]
        field = section.model_fields.get(str(name))
        below, section = below.get(str(name)), _section(field) if field else None
    return loc


def _short(value: object) -> str:
    """A value as a message shows it, at most 100 characters of it."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**100 else "an endless number"
    return text if len(text) <= 100 else f"{text[:97]}..."


def _fault(path: tuple[int | str, ...], kind: str, message: str, found: object, place: str) -> ConfigError:
    dotted = ".".join(map(str, path))
    if kind == "extra_forbidden":
        return ConfigError(f"unknown key {_short(dotted)}", hint=_nearest_key(path), where=place)
    if kind == "missing":
        return ConfigError(
            f"{dotted} is missing",
            hint="Name the column to forecast, as in 'data: {target: y}'; `seqpred init DATA` writes a whole config.",
            where=place,
        )
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return ConfigError(f"{dotted} is {_short(found)}, not a mapping", hint="Indent its keys below it.", where=place)
    rule = message.removeprefix("Value error, ").removeprefix("Input should be ")
    if dotted == "model.cell" and kind == "value_error":
        return ConfigError(
            f"{dotted} is {_short(found)}: {rule.split('. ')[0]}", hint=rule.split(". ", 1)[1], where=place
        )
    told = f": {rule}" if kind == "value_error" else f"; expected {rule}"
    return ConfigError(f"{dotted} is {_short(found)}{told}", hint=_meaning(dotted), where=place)


def _nearest_key(path: tuple[int | str, ...]) -> str:
    *above, name = map(str, path)
    prefix = "".join(f"{a}." for a in above)
    inside = dict.fromkeys(k.removeprefix(prefix).split(".")[0] for k in config_keys() if k.startswith(prefix))
    elsewhere = [k for k in config_keys() if k.split(".")[-1] == name]
    return f"Did you mean {elsewhere[0]!r}?" if elsewhere else did_you_mean(name, inside)


def _meaning(dotted: str) -> str:
    field = config_fields().get(dotted)
    key = dotted.rsplit(".", maxsplit=1)[-1]
    return f"{key}: {field.description}" if field and field.description else "See `seqpred schema`."
