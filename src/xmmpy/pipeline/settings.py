"""What a user can choose in the standard reduction: one model, from ``xmmpy.toml`` and the command line."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from xmmpy.products.atomic import atomic_path
from xmmpy.products.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SETTINGS_NAME = "xmmpy.toml"
CameraName = Literal["mos1", "mos2", "pn"]
Method = Literal["auto", "ask", "histogram"]

CAMERAS: tuple[CameraName, ...] = ("mos1", "mos2", "pn")
RightAscension = Annotated[float, Field(ge=0, le=360)]
Declination = Annotated[float, Field(ge=-90, le=90)]
PositionAngle = Annotated[float, Field(ge=-360, le=360)]
_EXPOSURE = re.compile(r"[SU]\d{3}")
_CAMERA_OF_CODE = {"M1": "mos1", "M2": "mos2", "PN": "pn"}


class SettingsError(Exception):
    """A setting is wrong; the text is one sentence for the user."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Band(_Part):
    """An energy band, ``low < PI <= high`` in eV; its highest PATTERN where it is not the camera's."""

    low: int = Field(ge=0, le=32767)
    high: int = Field(ge=1, le=32767)
    highest_pattern: int | None = Field(default=None, ge=0, le=31)

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"the band from {self.low} to {self.high} eV is empty")
        return self


class CameraSettings(_Part):
    """The selections of one kind of camera, in SAS's selection language.

    The defaults are those of the SAS threads: high-energy single events for the rate curve, the camera's
    macro for good events, and the patterns that are calibrated for images.
    """

    rate_selection: str
    histogram_selection: str
    clean_selection: str
    image_selection: str = "(FLAG==0)"
    highest_pattern: int = Field(ge=0, le=31)
    bands: dict[str, Band]

    @model_validator(mode="after")
    def _check_bands(self) -> Self:
        if not self.bands:
            raise ValueError("there must be at least one band")
        if "full" in self.bands:
            raise ValueError("the band 'full' is made of all the others; choose another name")
        for name in self.bands:
            if not name.isidentifier():
                raise ValueError(f"'{name}' cannot be part of a file name; take letters and digits")
        return self

    @property
    def full_band(self) -> Band:
        """From the lowest to the highest energy of the bands."""
        bands = self.bands.values()
        return Band(low=min(band.low for band in bands), high=max(band.high for band in bands))


def _mos() -> CameraSettings:
    return CameraSettings(
        rate_selection="#XMMEA_EM && (PI>10000) && (PATTERN==0)",
        histogram_selection="#XMMEA_EM && (PI in [2500:8500]) && (PATTERN<=12)",
        clean_selection="#XMMEA_EM && (PI>150)",
        highest_pattern=12,
        bands={"b1": Band(low=200, high=500), **_upper_bands()},
    )


def _pn() -> CameraSettings:
    return CameraSettings(
        rate_selection="#XMMEA_EP && (PI>10000&&PI<12000) && (PATTERN==0)",
        histogram_selection="#XMMEA_EP && (PI in [2500:8500]) && (PATTERN<=4)",
        clean_selection="#XMMEA_EP && (PI>150)",
        highest_pattern=4,
        bands={"b1": Band(low=300, high=500, highest_pattern=0), **_upper_bands()},
    )


def _upper_bands() -> dict[str, Band]:
    borders = (500, 1000, 2000, 4500, 12000)  # eV, the bands of the XMM catalogues
    return {f"b{number + 2}": Band(low=borders[number], high=borders[number + 1]) for number in range(4)}


class FlareSettings(_Part):
    """How flares are cut: the method, and the limits (counts/s) of the cameras for which they are given."""

    method: Method = "auto"
    limits: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        for key, limit in self.limits.items():
            if key.split("_")[0] not in CAMERAS:
                raise ValueError(f"'{key}' is no camera; the cameras are {', '.join(CAMERAS)}")
            if not limit > 0:
                raise ValueError(f"the limit of {key} must be a positive rate, not {limit}")
        return self

    def limit_of(self, key: str) -> float | None:
        """Limit given for an exposure (``mos1_U002``) or for its camera (``mos1``)."""
        return self.limits.get(key, self.limits.get(key.split("_")[0]))


class DetectionSettings(_Part):
    """How sources are looked for: in each camera, then in all cameras and bands together.

    `likemin` is the least DET_ML of a source; `extents` says whether extents are fitted; `nmaxfit` and `nmulsou` are
    how many candidates are fitted at once, and into how many sources one may be split: where nothing is said, 1 in each
    camera, as in SAS, and 2 in all cameras together, which tells pairs apart. `nodes` are the intervals of the
    background's spline; `sensitivity_likemin` is the likelihood of the sensitivity maps. `ecf` gives the conversion
    factors (1e11 counts cm2/erg) of a camera, one for each band, in place of those of its filter.
    """

    enabled: bool = True
    likemin: float = Field(default=10.0, ge=1, le=50)
    extents: bool = False
    nmaxfit: int = Field(default=1, ge=1, le=8)
    nmulsou: int | None = Field(default=None, ge=1, le=8)
    nodes: int = Field(default=16, ge=10, le=40)
    sensitivity_likemin: float = Field(default=15.0, gt=0, le=1000)
    ecf: dict[str, tuple[float, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_factors(self) -> Self:
        for key, factors in self.ecf.items():
            if key not in CAMERAS:
                raise ValueError(f"'{key}' is no camera; the cameras are {', '.join(CAMERAS)}")
            if not all(factor > 0 for factor in factors):
                raise ValueError(f"the conversion factors of {key} must be positive, not {factors}")
        return self


class Settings(_Part):
    """All settings of the standard reduction.

    `exposures` are those to take (``mos1_S001``), of the cameras of which one is named. The others are of an ODF:
    `seed` is of the random numbers of the chains; `attitude` (RA, Dec, position angle, degrees) takes the place of that
    of the ODF; `ccf` are folders with calibration constituents, which take the place of SAS_CCF and SAS_CCFPATH.
    """

    cameras: tuple[CameraName, ...] = CAMERAS
    rate_bin: float = Field(default=100.0, gt=0)
    image_size: int = Field(default=600, ge=16, le=10000)
    exposures: tuple[str, ...] = ()
    out_of_time: bool = True
    seed: int = Field(default=1, ge=0, le=2**31 - 1)
    attitude: tuple[RightAscension, Declination, PositionAngle] | None = None
    ccf: tuple[str, ...] = ()
    flares: FlareSettings = Field(default_factory=FlareSettings)
    mos: CameraSettings = Field(default_factory=_mos)
    pn: CameraSettings = Field(default_factory=_pn)
    detection: DetectionSettings = Field(default_factory=DetectionSettings)

    @model_validator(mode="after")
    def _check_exposures(self) -> Self:
        for name in self.exposures:
            camera, _, exposure = name.partition("_")
            if camera not in CAMERAS or not _EXPOSURE.fullmatch(exposure):
                raise ValueError(f"'{name}' names no exposure; take names such as mos1_S001, pn_U002")
            if camera not in self.cameras:
                raise ValueError(f"{name} is of a camera that is not among {', '.join(self.cameras)}")
        return self

    @model_validator(mode="after")
    def _check_factors(self) -> Self:
        for camera, factors in self.detection.ecf.items():
            bands = self.of_camera(camera).bands
            if len(factors) != len(bands):
                raise ValueError(f"{camera} has {len(bands)} bands and {len(factors)} conversion factors")
        return self

    def of_camera(self, camera: str) -> CameraSettings:
        """Give the selections of a camera by its name (``mos1``, ``mos2``, ``pn``)."""
        return self.pn if camera == "pn" else self.mos

    def write(self, folder: Path) -> None:
        """Write the settings next to the products, to be used again with ``--config``."""
        text = "# Settings of this reduction, as it was run; use them again with --config.\n"
        with atomic_path(folder / SETTINGS_NAME) as temporary:
            temporary.write_text(text + to_toml(self.model_dump(exclude_none=True)), encoding="utf-8")


def read_settings(path: Path | None, changes: Mapping[str, Any]) -> Settings:
    """Read a settings file, put the changes of the command line on top, check the whole.

    Parameters
    ----------
    path : Path or None
        The file; defaults where it is None. What is given replaces
        only itself, but for ``bands``, ``limits`` and ``ecf``, which are replaced whole.
    changes : mapping
        Settings by name; nested mappings for parts.

    Raises
    ------
    FileProblem
        When the file cannot be read.
    SettingsError
        When a name is unknown or a value is wrong.
    """
    merged: dict[str, Any] = Settings().model_dump()
    if path is not None:
        given = _read_toml(path)
        if isinstance(folders := given.get("ccf"), list):  # as seen from the file
            given["ccf"] = [str(path.parent / item) if isinstance(item, str) else item for item in folders]
        _merge(merged, given)
    _merge(merged, changes)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the settings"
        where = f" (in {path})" if path is not None else ""
        raise SettingsError(f"{place}: {_complaint(first['type'], first['msg'], place)}{where}") from None


def parse_flare_cut(text: str) -> dict[str, Any]:
    """Read ``auto``, ``ask``, ``histogram`` or ``mos1=0.35,pn=0.4`` (the others then ``auto``).

    Raises
    ------
    SettingsError
        For anything else.
    """
    wanted = "auto, ask, histogram or limits in counts/s such as mos1=0.35,pn=0.4"
    flares: dict[str, Any] = {"method": "auto", "limits": {}}
    for word in (part.strip() for part in text.split(",")):
        if word.lower() in {"auto", "ask", "histogram"}:
            flares["method"] = word.lower()
            continue
        camera, equals, number = word.partition("=")
        try:
            limit = float(number)
        except ValueError:
            limit = -1.0
        if not equals or not limit > 0 or limit == float("inf"):
            raise SettingsError(f"--flare-cut takes {wanted}; '{word}' is none of them")
        flares["limits"][_camera_key(camera)] = limit
    return flares


def parse_cameras(text: str) -> tuple[str, ...]:
    """Read ``mos1,pn``; the order is always that of `CAMERAS`.

    Raises
    ------
    SettingsError
        For a name that is no camera.
    """
    words = {_camera_key(word) for word in text.replace(",", " ").split()}
    for word in sorted(words):
        if word not in CAMERAS:
            raise SettingsError(f"'{word}' is no camera; the cameras are {', '.join(CAMERAS)}")
    if not words:
        raise SettingsError(f"--cameras names none; the cameras are {', '.join(CAMERAS)}")
    return tuple(camera for camera in CAMERAS if camera in words)


def parse_exposures(text: str) -> tuple[str, ...]:
    """Read ``mos1_S001,pn_U002`` or ``M1S001 PNU002``; gives the first form.

    Raises
    ------
    SettingsError
        For a name that is of no exposure.
    """
    names = []
    for word in text.replace(",", " ").split():
        camera, exposure = word[:-4].strip("_").lower(), word[-4:].upper()
        camera = _CAMERA_OF_CODE.get(camera.upper(), camera)
        if camera not in CAMERAS or not _EXPOSURE.fullmatch(exposure):
            raise SettingsError(f"'{word}' names no exposure; take names such as mos1_S001, pn_U002")
        names.append(f"{camera}_{exposure}")
    if not names:
        raise SettingsError("--exposures names none; take names such as mos1_S001, pn_U002")
    return tuple(dict.fromkeys(names))


def parse_attitude(text: str) -> tuple[float, ...]:
    """Read ``RA,DEC,PA`` in degrees.

    Raises
    ------
    SettingsError
        When these are not three numbers.
    """
    try:
        numbers = tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError:
        numbers = ()
    if len(numbers) != 3:
        raise SettingsError(f"--attitude takes RA,DEC,PA in degrees, such as 150.1,2.2,290; not '{text}'")
    return numbers


def to_toml(values: Mapping[str, Any], prefix: str = "") -> str:
    """Write nested mappings of plain values as TOML."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    nested = {key: value for key, value in values.items() if isinstance(value, dict)}
    lines = [f"{key} = {_toml_value(value)}" for key, value in plain.items()]
    text = "\n".join(lines) + ("\n" if lines else "")
    for key, value in nested.items():
        name = f"{prefix}{key}"
        text += f"\n[{name}]\n" + to_toml(value, f"{name}.")
    return text


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    escaped = "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped)
    return f'"{escaped}"'


def _camera_key(word: str) -> str:
    camera, underscore, exposure = word.strip().partition("_")
    return camera.lower() + underscore + exposure.upper()


def _merge(base: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if key not in {"limits", "bands", "ecf"} and isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileProblem(path, "does not exist", "check the name given to --config") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FileProblem(path, f"cannot be read ({error})", "check its permissions") from None
    except tomllib.TOMLDecodeError as error:
        raise FileProblem(path, f"is no TOML ({error})", "correct it") from None


def _complaint(kind: str, message: str, place: str) -> str:
    if kind == "extra_forbidden":
        from xmmpy.tasks.messages import nearest

        known = {**Settings.model_fields, **FlareSettings.model_fields, **CameraSettings.model_fields,
                 **DetectionSettings.model_fields}  # fmt: skip
        return f"there is no such setting{nearest(place.split('.')[-1], known)}"
    return message.removeprefix("Value error, ")
